"""The gate shuts when the adapter and the merged or served model answer otherwise, or when a training row has no end."""

import pytest

from parts.answering.transformers_engine import Engine
from parts.project.sections import Student
from parts.student import dataset
from parts.student.model import tokenizer
from schemas.errors import UserError
from stages import parity

GIVEN = parity.Params(questions=4, disagree=0.0, seed=1)
ROWS = [
    {"generator": "qa", "kind": "qa", "prompt": f"How many, {n}?", "reasoning": "", "completion": f"{n} days"}
    for n in range(4)
]


@pytest.fixture(scope="module")
def told(qwen):
    return tokenizer(Student(model=str(qwen)))


def test_an_adapter_answers_as_the_model_it_is_merged_into_and_otherwise_than_its_base(adapter, qwen, told):
    engines = {
        "merged": lambda: Engine(str(adapter), told, 8, 512),
        "adapter": lambda: Engine(str(adapter), told, 8, 512, merge=False),
        "served": lambda: Engine(str(qwen), told, 8, 512),
    }
    prompts = [engines["served"]().prompt(f"How many, {n}?", [])[0] for n in range(4)]
    found = parity.parity(engines, prompts, 4)
    assert found["adapter_differs_from_merged"] == 0
    assert found["served_differs_from_merged"] > 0
    parts = {"rows": 1, "rows_ended": 1, "rows_cut": 0, "answers": 4}
    with pytest.raises(UserError, match=r"served differs from merged in \d+.0% of 4 greedy answers"):
        parity.refuse(parts | found, GIVEN)
    parity.refuse(parts | found, GIVEN.model_copy(update={"disagree": 1.0}))


def test_training_rows_end_with_the_token_that_the_engine_stops_at(qwen, told):
    ends = Engine(str(qwen), told, 8, 512).ends
    found = parity.ended(dataset.encode(ROWS, told, 512), ends, 512)
    assert found == {"rows": 4, "rows_ended": 4, "rows_cut": 0}
    parity.refuse(found, GIVEN)


def test_a_row_that_was_cut_is_counted_and_one_that_never_ends_shuts_the_gate(told):
    ends = {told.eos_token_id}
    cut = parity.ended(dataset.encode(ROWS, told, 20), ends, 20)
    assert cut == {"rows": 4, "rows_ended": 0, "rows_cut": 4}
    parity.refuse(cut, GIVEN)
    masked = dataset.encode(ROWS, told, 512)
    masked[0]["labels"][-1] = dataset.IGNORED
    for endless in (parity.ended(masked, ends, 512), parity.ended(dataset.encode(ROWS, told, 512), {0}, 512)):
        with pytest.raises(UserError, match="do not end with a token that the student stops at"):
            parity.refuse(endless, GIVEN)
