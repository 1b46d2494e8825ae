"""The judge by rules knows an answer in other words from one with another number, half a list or a denial, and not more."""

import json

import pytest

from invitro.rules import equivalence
from parts.project import prompts
from tests.helpers.source_code import ROOT

CASES = [json.loads(line) for line in (ROOT / "tests/golden/judged_answers.jsonl").read_text().splitlines()]
BEYOND = {
    "1 430 euros", "half a day", "quarter to seven", "Ms Stenma", "the manager of Wenla Stenma", "Wenla Stenma, Dellus Lanivson",
    "Galorrek Expense Policy has a lower limit than Galorrek Training Policy",
    "The sender gets them back unpaid and has to hand them in again the month after.", "No one who has no badge",
}  # fmt: skip
"""Answers that take more than words to judge: the rules are wrong about them."""


def verdict(case: dict) -> dict:
    fields = {name: case[name] for name in ("question", "reference", "answer")}
    return equivalence.correct(prompts.render("judge/correct", **fields))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['answer']} for {case['reference']}"[:60])
def test_the_rules_call_an_answer_right_or_wrong(case):
    assert (verdict(case)["verdict"] == case["right"]) is (case["answer"] not in BEYOND), verdict(case)["reason"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("It is 340 euros.", "it does not give 430"),
        ("430 to 500 euros", "it gives another number, 500"),
        ("not 430 euros", "it does not give 430, euro"),
        ("It is 430 euros.", "it gives what the reference does"),
    ],
)
def test_a_verdict_has_its_reason(answer, reason):
    assert verdict({"question": "What does it cost?", "reference": "430 euros", "answer": answer})["reason"] == reason


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1,430.00 and €1430", ["1430", "1430", "euro"]),
        ("06:45, 0.50 and USD 7", ["6:45", ".5", "7", "dollar"]),
        ("Five kilograms", ["5", "kg"]),
        ("The doors are opening, open, opened", ["door", "open", "open", "open"]),
    ],
)
def test_one_form_stands_for_many(text, tokens):
    assert equivalence.tokens(text) == tokens
