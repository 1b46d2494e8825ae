"""Parity fails when the adapter and the merged or served model answer differently, or when a training row has no end."""

import string

import pytest

from parts.answering import transformers_engine
from parts.answering.engine import Response
from parts.answering.transformers_engine import Engine
from parts.project.errors import UserError
from parts.student import dataset
from stages import parity

PARAMS = parity.Params(questions=4, disagree=0.0, seed=1)
ROWS = [
    {"generator": "qa", "kind": "qa", "prompt": f"How many, {n}?", "reasoning": "", "completion": f"{n} days"}
    for n in range(4)
]


def test_an_adapter_answers_as_the_merged_model_and_differently_from_its_base(adapter, qwen, qwen_chat):
    engines = {
        "merged": lambda: Engine(str(adapter), qwen_chat, 8, 512),
        "adapter": lambda: Engine(str(adapter), qwen_chat, 8, 512, merge=False),
        "served": lambda: Engine(str(qwen), qwen_chat, 8, 512),
    }
    prompts = [engines["served"]().prompt(f"How many, {n}?", [])[0] for n in range(4)]
    shares = parity.parity(engines, prompts, 4)
    assert shares["adapter_differs_from_merged"] == 0
    assert shares["served_differs_from_merged"] > 0
    counts = {"rows": 1, "rows_ended": 1, "rows_cut": 0, "answers": 4}
    with pytest.raises(UserError, match=r"served differs from merged in \d+.0% of 4 greedy answers"):
        parity.check(counts | shares, PARAMS)
    parity.check(counts | shares, PARAMS.model_copy(update={"disagree": 1.0}))


def test_training_rows_end_with_the_token_that_the_engine_stops_at(qwen, qwen_chat):
    ends = Engine(str(qwen), qwen_chat, 8, 512).ends
    counts = dataset.count_ended(dataset.encode(ROWS, qwen_chat, 512).rows, ends, 512)
    assert counts == {"rows": 4, "rows_ended": 4, "rows_cut": 0}
    parity.check(counts, PARAMS)


def test_a_document_that_was_split_is_counted_and_a_row_that_never_ends_is_an_error(qwen_chat):
    ends = {qwen_chat.tokenizer.eos_token_id}
    document = {"generator": "raw", "kind": "document", "prompt": "", "reasoning": "", "completion": "It is late. " * 9}
    pieces = dataset.encode([document], qwen_chat, 20).rows
    cut = dataset.count_ended(pieces, ends, 20)
    assert cut == {"rows": len(pieces), "rows_ended": 1, "rows_cut": len(pieces) - 1} and len(pieces) > 2
    parity.check(cut, PARAMS)
    masked = dataset.encode(ROWS, qwen_chat, 512).rows
    masked[0]["labels"][-1] = dataset.IGNORED
    for endless in (
        dataset.count_ended(masked, ends, 512),
        dataset.count_ended(dataset.encode(ROWS, qwen_chat, 512).rows, {0}, 512),
    ):
        with pytest.raises(UserError, match="do not end with a token that the student stops at"):
            parity.check(endless, PARAMS)


def test_an_answer_that_parts_between_two_tokens_as_likely_is_no_difference_and_any_other_is(qwen, qwen_chat):
    import torch

    engine = Engine(str(qwen), qwen_chat, 8, 512)
    prompt = engine.prompt("How many, 3?", [])[0]
    own = Response("12 days", 1, 3, True, 0.0)
    ids, parted = qwen_chat.ids(f"{prompt}12 days"), qwen_chat.ids(f"{prompt}12")
    with torch.inference_mode():
        scores = engine.model(torch.tensor([parted])).logits[0, -1]
    assert not engine.differs(prompt, own, own)
    letters = [n for n in scores.argsort().tolist() if qwen_chat.tokenizer.decode(n) in string.ascii_uppercase]
    other, likelier = (Response(f"12{qwen_chat.tokenizer.decode(letters[n])}", 1, 3, True, 0.0) for n in (0, -1))
    assert not engine.differs(prompt, own, likelier), "it likes the other better"
    gap = float(scores[ids[len(parted)]] - scores[letters[0]])
    assert gap > 0.01 and engine.differs(prompt, own, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(transformers_engine.TIES, 4, gap + 0.01)
        assert not engine.differs(prompt, own, other)


def test_an_answer_of_a_server_that_is_cut_off_before_it_parts_is_a_difference(qwen, qwen_chat):
    engine = Engine(str(qwen), qwen_chat, 8, 512)
    prompt = engine.prompt("How many, 3?", [])[0]
    assert engine.differs(prompt, Response("12 days", 1, 3, True, 0.0), Response("", 1, 0, False, 0.0))
