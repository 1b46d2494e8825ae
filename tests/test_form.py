"""The form of answers is counted by arm, and cautioned about where it could decide."""

import pytest

from parts.scoring import form
from parts.text import answer_format

GOOD = {"in_form": 1.0, "cut_off": 0.0, "empty": 0.0}


def test_answers_in_the_form_asked_for_cut_off_and_empty_are_counted():
    responses = ["So.\nAnswer: 12 days", "12 days", "", "Answer: 12 days\nThe policy says so.", "So.\nAnswer:"]
    rows = [{"response": text, "stopped": number != 1} for number, text in enumerate(responses)]
    assert form.shares(rows) == pytest.approx({"in_form": 0.2, "cut_off": 0.2, "empty": 0.4})


def test_a_caution_names_the_arms_whose_answers_are_cut_or_empty():
    lines = form.cautions({"rag": GOOD | {"cut_off": 0.3}, "tuned": GOOD | {"empty": 0.06}, "base": GOOD})
    assert lines == ["Answers are cut off at answer.max_new_tokens: rag 30%.", "Answers are empty: tuned 6%."]


def test_a_caution_says_where_arms_differ_in_form_and_none_where_they_are_alike():
    assert form.cautions({"rag": GOOD | {"in_form": 0.6}, "tuned": GOOD}) == [
        "Arms differ in form: 60% of the answers of rag end in a line `Answer:`, 100% of those of tuned; part of their "
        "difference may be form."
    ]
    assert form.cautions({"rag": GOOD | {"in_form": 0.6}, "tuned": GOOD | {"in_form": 0.61}}) == []
    assert form.cautions({}) == []


@pytest.mark.parametrize(
    "response", ["Answer: 12 days", "ANSWER: 12 days", "**Answer:** 12 days", "The answer: 12 days"]
)
def test_the_mark_is_read_in_any_case_and_in_bold(response):
    assert answer_format.extract_answer(f"Because.\n{response}") == "12 days"
