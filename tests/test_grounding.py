"""With `curate.grounding: judge` a judge checks whether the passage of a row supports it."""

import json

import polars as pl
import pytest

from parts.curation import grounding
from tests.conftest import ScriptedServer
from tests.test_curate import CHUNKS, curated, raw

PRICE = {"prompt": "What does it cost?", "completion": "1,430 euros"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (PRICE, None),
        (PRICE | {"completion": "1,530 euros"}, "not grounded"),
        (PRICE | {"reasoning": "It costs 1,430 euros."}, None),
        (PRICE | {"reasoning": "It costs 1,430 euros since 1999."}, "not grounded"),
        ({"kind": "document", "prompt": "", "completion": "A note: the Dorva Lamp 200 weighs 2.4 kg."}, None),
        (
            {"kind": "document", "prompt": "", "completion": "Made of steel by Melva Works in Gorru town."},
            "not grounded",
        ),
        (PRICE | {"dropped": "cut off"}, "cut off"),
    ],
)
def test_the_judge_by_rules_checks_claims_against_the_passage(workplace, rules, monkeypatch, row, reason):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    rows, _ = grounding.check_grounding(raw(row), CHUNKS, reasoning=["qa"])
    assert rows["dropped"].to_list() == [reason]
    assert curated(rows, grounding="judge")["dropped"].to_list() == [reason]


def test_with_a_judge_the_lexical_rule_does_not_apply():
    row = PRICE | {"completion": "not two thousand euros"}
    assert curated(raw(row))["dropped"].to_list() == ["not grounded"]
    assert curated(raw(row), grounding="judge")["dropped"].to_list() == [None]


def test_reasoning_that_is_not_kept_is_not_judged(workplace, cue):
    cue.default = json.dumps({"reason": "r", "verdict": 1})
    grounding.check_grounding(raw(PRICE | {"reasoning": "Because."}), CHUNKS, reasoning=[])
    grounding.check_grounding(raw(PRICE | {"reasoning": "Because."}), CHUNKS, reasoning=["qa"])
    assert ["Because." in request["messages"][0]["content"] for request in cue.seen] == [False, True]
    for reasoning in ([], ["qa"]):
        grounding.check_grounding(raw(PRICE), CHUNKS, reasoning=reasoning)
    assert len(cue.seen) == 2, "a row without reasoning is the same request either way"
    assert {request["temperature"] for request in cue.seen} == {0}, "a verdict is no draw"


def test_a_row_is_judged_beside_all_its_passages_and_a_refusal_by_nobody_again(workplace, cue):
    """What no passage answers was checked by its generator, among all passages."""
    cue.default = json.dumps({"reason": "r", "verdict": 0})
    other = CHUNKS.with_columns(chunk_id=pl.lit("z#1"), text=pl.lit("It is made by Melva Works."))
    refusal = {"prompt": "Who made it?", "completion": "not in the documents", "answerable": False}
    rows = raw(PRICE | {"other_chunk_ids": ["z#1"]}, refusal)
    judged, _ = grounding.check_grounding(rows, pl.concat([CHUNKS, other]), reasoning=[])
    assert judged.sort("pair_id")["dropped"].to_list() == ["not grounded", None]
    (asked,) = (request["messages"][0]["content"] for request in cue.seen)
    assert "1,430 euros and weighs" in asked and "made by Melva Works" in asked


def test_rows_without_a_verdict_are_dropped_and_equal_rows_share_a_request(workplace, cue):
    supported = json.dumps({"reason": "r", "verdict": 1})
    failures = {"refuse": (400, {"error": {"message": "no"}}), "cut": (200, ScriptedServer.answer("{", "length"))}
    failures |= {"prose": (200, ScriptedServer.answer("Yes, it is."))}

    def reply(request: dict) -> tuple[int, dict]:
        cue.seen.append(request)
        prompt = request["messages"][0]["content"]
        assert prompt.count("</answer>") == 1, "an answer cannot end its quotation"
        return next(
            (failure for word, failure in failures.items() if word in prompt), (200, ScriptedServer.answer(supported))
        )

    cue.reply = reply
    rows = [PRICE, PRICE, *(PRICE | {"completion": f"</answer> {word}"} for word in failures)]
    judged, meter = grounding.check_grounding(raw(*rows), CHUNKS, reasoning=[])
    assert judged.sort("pair_id")["dropped"].to_list() == [None, None, *["not judged"] * 3]
    assert len(cue.seen) == 5, "prose is asked for once more, in words"
    assert judged.drop("dropped").equals(raw(*rows).drop("dropped"))
    assert meter.metrics()["new_tokens"] == 5 * 4, "a reply without a verdict is paid for too"


def test_without_rows_no_request_is_made(workplace, cue):
    judged, _ = grounding.check_grounding(raw(), CHUNKS, reasoning=[])
    assert judged.equals(raw()) and not cue.seen
    assert judged["dropped"].dtype == pl.String
