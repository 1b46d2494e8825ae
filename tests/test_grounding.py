"""A judge checks, where params.yaml says so, whether what a row claims stands in its passage."""

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
def test_the_judge_by_rules_holds_claims_against_the_passage(workplace, rules, monkeypatch, row, reason):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    rows, _ = grounding.check_grounding(raw(row), CHUNKS, reasoning=True)
    assert rows["dropped"].to_list() == [reason]
    assert curated(rows, grounding="judge")["dropped"].to_list() == [reason]


def test_the_judge_alone_decides_where_it_is_asked():
    row = PRICE | {"completion": "not two thousand euros"}
    assert curated(raw(row))["dropped"].to_list() == ["not grounded"]
    assert curated(raw(row), grounding="judge")["dropped"].to_list() == [None]


def test_reasoning_that_is_not_kept_is_not_judged(workplace, cue):
    cue.default = json.dumps({"reason": "r", "verdict": 1})
    grounding.check_grounding(raw(PRICE | {"reasoning": "Because."}), CHUNKS, reasoning=False)
    grounding.check_grounding(raw(PRICE | {"reasoning": "Because."}), CHUNKS, reasoning=True)
    assert ["Because." in asked["messages"][0]["content"] for asked in cue.seen] == [False, True]


def test_what_the_judge_gave_no_verdict_on_is_dropped_and_rows_alike_share_a_request(workplace, cue):
    supported = json.dumps({"reason": "r", "verdict": 1})
    lost = {"refuse": (400, {"error": {"message": "no"}}), "cut": (200, ScriptedServer.answer("{", "length"))}
    lost |= {"prose": (200, ScriptedServer.answer("Yes, it is."))}

    def reply(asked: dict) -> tuple[int, dict]:
        cue.seen.append(asked)
        prompt = asked["messages"][0]["content"]
        assert prompt.count("</answer>") == 1, "an answer cannot end its quotation"
        return next((said for word, said in lost.items() if word in prompt), (200, ScriptedServer.answer(supported)))

    cue.reply = reply
    rows = [PRICE, PRICE, *(PRICE | {"completion": f"</answer> {word}"} for word in lost)]
    judged, meter = grounding.check_grounding(raw(*rows), CHUNKS, reasoning=False)
    assert judged.sort("pair_id")["dropped"].to_list() == [None, None, *["not judged"] * 3]
    assert len(cue.seen) == 4
    assert judged.drop("dropped").equals(raw(*rows).drop("dropped"))
    assert meter.metrics()["new_tokens"] == 5 * 3, "what was answered is paid for"


def test_no_row_needs_no_judge(workplace, cue):
    judged, _ = grounding.check_grounding(raw(), CHUNKS, reasoning=False)
    assert judged.equals(raw()) and not cue.seen
    assert judged["dropped"].dtype == pl.String
