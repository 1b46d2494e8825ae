"""Right answers are the reference in other words, wrong ones are close to it, and both are what they are called."""

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.scoring import known_answers
from parts.scoring.known_answers import CLASSES, change_format, change_number
from parts.text import answer_format
from tests.helpers.source_code import ROOT

EXAM = [json.loads(line) for line in (ROOT / "data/exam.jsonl").read_text().splitlines()]


def row(question: str, reference: str) -> dict:
    return {"question_id": question, "question": question, "reference": reference, "answerable": True}


ROWS = [
    row("What does the lamp cost?", "430 euros"), row("What does the press cost?", "1780 euros"),
    row("How long is the lamp's warranty?", "12 days"), row("Who runs Lyon Office?", "Ada Mill"),
    row("Who designed the lamp?", "Bo Reed"), row("Is a badge needed?", "Yes"),
]  # fmt: skip


def answers(rows: list[dict] = ROWS) -> dict[str, dict[str, str]]:
    """Return the known answers: by class the final answer to each question."""
    known = known_answers.known_answers(rows, 10, 1)
    return {
        name: {each["question_id"]: answer_format.extract_answer(each["response"]) for each in made}
        for name, made in known.items()
    }


def test_the_answers_of_each_class():
    made = answers()
    lamp = {name: of.get("What does the lamp cost?") for name, of in made.items()}
    assert (lamp["right_format"], lamp["wrong_twin"], lamp["wrong_number"]) == ("€430", "1780 euros", "440 euros")
    assert lamp["right_both"] == "First 430 euros, then 1780 euros." and lamp["wrong_half"] in (
        "430 euros",
        "1780 euros",
    )
    assert "430 euros" in lamp["right_sentence"] != "430 euros"
    assert lamp["wrong_either"] in ("430 euros or 1780 euros", "1780 euros or 430 euros")
    assert made["wrong_twin"]["Who runs Lyon Office?"] == "Bo Reed"
    assert made["wrong_negation"]["Is a badge needed?"] == "no"
    assert set(made["wrong_number"]) == {ROWS[0]["question"], ROWS[1]["question"], ROWS[2]["question"]}


def test_two_questions_at_once_ask_for_both_references():
    (both,) = (each for each in known_answers.known_answers(ROWS, 10, 1)["wrong_half"] if "Lyon" in each["question_id"])
    assert (both["question"], both["reference"]) == (
        "Who runs Lyon Office? Who designed the lamp?",
        "Ada Mill; Bo Reed",
    )


def test_the_twin_is_the_most_similar_question_with_another_value_of_the_same_form():
    rows = [*ROWS, row("What does the large lamp cost?", "431 euros"), row("What does the lamp cost now?", "430 euros")]
    assert known_answers.twin(ROWS[0], rows)["reference"] == "431 euros"
    assert known_answers.twin(ROWS[2], rows) is None, "no other reference is a number of days"
    assert known_answers.twin(row("Which team?", "the sales team"), [row("Which one?", "a sales team")]) is None


def test_an_answer_to_another_question_shares_no_word_with_question_and_reference():
    rows = [
        row("What does the lamp cost?", "430 euros"),
        row("Which is brighter?", "the lamp"),
        row("Who?", "Ada Mill"),
    ]
    assert answers(rows)["wrong_other"]["What does the lamp cost?"] == "Ada Mill"
    assert answers(rows[:2])["wrong_other"] == {"Which is brighter?": "430 euros"}


def test_the_sample_does_not_depend_on_the_order_of_the_rows_and_leaves_unanswerable_questions_out():
    first, unanswerable = known_answers.known_answers(ROWS, 2, 1), row("Who painted it?", "") | {"answerable": False}
    assert first == known_answers.known_answers([*ROWS[::-1], *ROWS, unanswerable], 2, 1)
    assert all(len({each["question_id"] for each in made}) == len(made) <= 2 for made in first.values())
    assert first != known_answers.known_answers(ROWS, 2, 2)


@pytest.mark.parametrize("name", CLASSES)
def test_an_exam_has_hard_cases_of_every_class(name):
    made = known_answers.known_answers(EXAM, 20, 1)[name]
    assert len(made) == 20
    for each in made:
        assert each["reference"] != answer_format.extract_answer(each["response"])


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("430 euros", "440 euros"), ("86,000 euros", "87,000 euros"), ("10.5 kg", "10.6 kg"), ("6:45", "6:46"),
        ("19", "18"), ("0", "1"), ("Model 3 of 2009", "Model 3 of 2008"), ("the sales team", None),
    ],
)  # fmt: skip
def test_one_digit_of_the_last_number_is_changed(text, changed):
    assert change_number(text) == changed


@given(st.integers(0, 10**6), st.sampled_from(["{} euros", "{}.5 kg", "0.{}", "Lamp 7 has {}"]))
def test_a_changed_number_is_another_number_of_as_many_digits(number, template):
    text = template.format(number)
    changed = change_number(text)
    assert sum(a != b for a, b in zip(text, changed, strict=True)) == 1
    assert re.sub(r"\d", "", changed) == re.sub(r"\d", "", text)


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("430 euros", "€430"), ("1780 euros", "1,780 euros"), ("86,000 euros", "86000 euros"), ("2 percent", "2%"),
        ("15%", "15 percent"), ("10.5 kg", "10.5 kilograms"), ("2.5", "2.50"), ("5 days", "five days"), ("12", "twelve"),
        ("71 hours", "71 h"), ("2022", None), ("616", None), ("12 March", None), ("the sales team", None),
    ],
)  # fmt: skip
def test_a_number_has_another_format(text, format):
    assert change_format(text) == format


def test_a_reference_with_braces_is_no_template():
    assert "{x}" in CLASSES["right_sentence"](row("Which key?", "{x}"), [], random.Random(1))["response"]
