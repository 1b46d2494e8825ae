"""Answers to multiple-choice questions are scored by the option they name and by the model's likeliest option."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.project.errors import UserError
from parts.scoring import choice, correctness, exact, summary
from schemas.scores import Scores
from tests.helpers.scoring import all_scores, row

OPTIONS = ["12 days", "12 days and a half", "the finance team", "3"]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("A", 0), ("(b)", 1), ("C) the finance team", 2), ("C) finance", 2), ("Option D", 3), ("The answer is: B.", 1),
        ("**C**", 2), ("12 days", 0), ("It is 12 days.", 0), ("12 days and a half", 1), ("Finance team", 2), ("3", 3),
        ("d - 3", 3), ("", None), ("E", None), ("13 days", None), ("A finance team", 2), ("A) the finance team", None),
        ("I think the answer is B.", 1), ("B, because 12 days is too short", 1), ("not 12 days", None), ("I'd go with C", 2),
        ("12 days, not 12 days and a half", 0), ("A is wrong, so B", 1), ("A or B", None), ("more than 12 days", None),
        ("Since 3 is a number, the finance team", 2), ("I don't think it is 3; it is 12 days", 0), ("option b is right", 1),
        ("either 3 or 12 days", None), ("not in the documents", None), ("A lamp", None),
    ],
)  # fmt: skip
def test_a_response_names_an_option_by_its_letter_or_its_words_and_two_at_once_are_none(text, index):
    assert choice.named_option(text, OPTIONS) == index


def test_an_option_that_is_a_letter_is_named_by_it_and_another_by_its_letter_with_a_mark():
    assert choice.named_option("B", ["B", "A", "C"]) == 0
    assert choice.named_option("B)", ["B", "A", "C"]) == 1
    assert choice.named_option("B)", ["vitamin C", "vitamin A"]) == 1
    assert choice.named_option("vitamin A", ["vitamin C", "vitamin A"]) == 1
    assert choice.named_option("B. B", ["B", "A", "C"]) is None
    assert choice.named_option("the lamp", ["a lamp", "lamp"]) is None, "the same words twice"


def test_yes_with_a_no_in_its_reason_is_yes_and_a_letter_within_an_options_words_is_not_that_letter():
    assert choice.named_option("Yes, there is no fee.", ["Yes", "No"]) == 0
    assert choice.named_option("vitamin A", ["vitamin C", "vitamin A", "vitamin B"]) == 1
    assert choice.named_option("It is C++.", ["C", "C++", "C#"]) == 1


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("abcdefgh 123", min_size=1, max_size=12), min_size=2, max_size=6), st.data())
def test_an_options_own_text_and_its_lettered_line_name_it_and_no_other(options, data):
    index = data.draw(st.integers(0, len(options) - 1))
    same = [option for option in options if option.strip() == options[index].strip()]
    alike = [option for option in options if exact.words(option) == exact.words(options[index])]
    assert choice.named_option(options[index], options) == (index if len(same) == 1 else None)
    if len(alike) == 1:
        assert choice.named_option(f"{'ABCDEF'[index]}) {options[index]}", options) == index


@given(st.text(), st.lists(st.text(min_size=1), min_size=2, max_size=30))
def test_any_text_names_one_of_the_options_or_none(text, options):
    assert choice.named_option(text, options) in (None, *range(len(options)))


def test_choice_and_likelihood_are_scored_apart_and_what_names_no_option_is_wrong_and_counted(by_rules):
    question = {"options": OPTIONS, "references": ["12 days"]}
    scores = all_scores(
        row("q1", "Answer: A", likeliest="12 days", **question),
        row("q2", "Answer: B", likeliest="12 days", **question),
        row("q3", "Answer: hard to say", likeliest="3", **question),
        row("q4", "Answer: not in the documents", likeliest="3", options=OPTIONS, references=[], answerable=False),
        row("q5"),
        ask_ragas=False,
    )
    values = {name: dict(rows.select("question_id", "value").rows()) for (name,), rows in scores.group_by("scorer")}
    assert values["choice"] == {"q1": 1, "q2": 0, "q3": 0, "q4": 1}
    assert values["choice_likelihood"] == {"q1": 1, "q2": 1, "q3": 0}
    metrics = summary.summarise(scores)
    assert (metrics["choice"], metrics["choice_attempted"], metrics["choice_n_null"]) == (0.5, 0.75, 0)
    assert "choice_attempted" not in summary.summarise(scores.filter(question_id="q5"))


def test_the_reference_may_be_a_letter_and_must_be_one_of_the_options():
    assert choice.score("Answer: 12 days", None, OPTIONS, ["A"], True)["choice"] == (1, None)
    with pytest.raises(UserError, match=r"'14 days' is not one of .*correct it in the file of the exam"):
        choice.score("Answer: 12 days", None, OPTIONS, ["14 days"], True)


def test_a_question_with_options_is_right_by_the_option_and_any_other_by_the_scorer():
    rows = [
        ("q1", "choice", 1.0),
        ("q1", "exact", 0.0),
        ("q2", "exact", 1.0),
        ("q2", "judge", 0.0),
        ("q3", "exact", None),
    ]
    scores = Scores.frame(
        [
            {"question_id": q, "seed": 0, "scorer": s, "version": f"{s}-1", "value": v, "reason": None}
            for q, s, v in rows
        ]
    )
    right = {
        row["question_id"]: (row["right"], row["version"])
        for row in correctness.correct_answers(scores, "exact").to_dicts()
    }
    assert right == {"q1": (True, "choice-1"), "q2": (True, "exact-1"), "q3": (None, "exact-1")}
