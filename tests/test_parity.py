"""Parity fails when the adapter and the merged or served model answer differently, or when a training row has no end."""

import pytest

from parts.answering.transformers_engine import Engine
from parts.project.errors import UserError
from parts.project.sections import Student
from parts.student import dataset
from parts.student.model import tokenizer
from stages import parity

PARAMS = parity.Params(questions=4, disagree=0.0, seed=1)
ROWS = [
    {"generator": "qa", "kind": "qa", "prompt": f"How many, {n}?", "reasoning": "", "completion": f"{n} days"}
    for n in range(4)
]


@pytest.fixture(scope="module")
def qwen_tokenizer(qwen):
    return tokenizer(Student(model=str(qwen)))


def test_an_adapter_answers_as_the_merged_model_and_differently_from_its_base(adapter, qwen, qwen_tokenizer):
    engines = {
        "merged": lambda: Engine(str(adapter), qwen_tokenizer, 8, 512),
        "adapter": lambda: Engine(str(adapter), qwen_tokenizer, 8, 512, merge=False),
        "served": lambda: Engine(str(qwen), qwen_tokenizer, 8, 512),
    }
    prompts = [engines["served"]().prompt(f"How many, {n}?", [])[0] for n in range(4)]
    shares = parity.parity(engines, prompts, 4)
    assert shares["adapter_differs_from_merged"] == 0
    assert shares["served_differs_from_merged"] > 0
    counts = {"rows": 1, "rows_ended": 1, "rows_cut": 0, "answers": 4}
    with pytest.raises(UserError, match=r"served differs from merged in \d+.0% of 4 greedy answers"):
        parity.check(counts | shares, PARAMS)
    parity.check(counts | shares, PARAMS.model_copy(update={"disagree": 1.0}))


def test_training_rows_end_with_the_token_that_the_engine_stops_at(qwen, qwen_tokenizer):
    ends = Engine(str(qwen), qwen_tokenizer, 8, 512).ends
    counts = dataset.count_ended(dataset.encode(ROWS, qwen_tokenizer, 512), ends, 512)
    assert counts == {"rows": 4, "rows_ended": 4, "rows_cut": 0}
    parity.check(counts, PARAMS)


def test_a_row_that_was_cut_is_counted_and_one_that_never_ends_is_an_error(qwen_tokenizer):
    ends = {qwen_tokenizer.eos_token_id}
    cut = dataset.count_ended(dataset.encode(ROWS, qwen_tokenizer, 20), ends, 20)
    assert cut == {"rows": 4, "rows_ended": 0, "rows_cut": 4}
    parity.check(cut, PARAMS)
    masked = dataset.encode(ROWS, qwen_tokenizer, 512)
    masked[0]["labels"][-1] = dataset.IGNORED
    for endless in (
        dataset.count_ended(masked, ends, 512),
        dataset.count_ended(dataset.encode(ROWS, qwen_tokenizer, 512), {0}, 512),
    ):
        with pytest.raises(UserError, match="do not end with a token that the student stops at"):
            parity.check(endless, PARAMS)
