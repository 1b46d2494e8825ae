"""Scorers call answers right and wrong as a person does, on pairs made by hand before the rules were written."""

import time

import pytest

from benchmarks import scorers
from parts.scoring import choice, exact
from parts.text import answer_format, refusals


def test_at_least_0_95_of_the_calls_are_those_of_a_person():
    calls = scorers.calls()
    assert len(calls) >= 200
    wrong = [call for call in calls if scorers.is_called_right(call) != call["right"]]
    assert len(wrong) <= 0.05 * len(calls), wrong


@pytest.mark.parametrize("scorer", ["exact", "choice", "declining"])
def test_each_scorer_has_right_and_wrong_answers_among_the_pairs(scorer):
    rights = [call["right"] for call in scorers.calls() if call["scorer"] == scorer]
    assert min(rights.count(True), rights.count(False)) >= 15


# not of the pairs: written after the rules, to see how they do on others
REFUSALS = """
The passages never mention a colour|My documents do not cover this.|It doesn't say.|I couldn't locate a price for it.
The passages only discuss the lamp's weight, not its price.|We cannot tell.|There's nothing about it in the documents.
It's not stated who pays.|None of the documents says so.|That is unknown.|not known|I'm not sure.|Information not found
From what I can see, the documents do not say. Please ask the help desk.|The date isn't given anywhere.|No idea
"""
ANSWERS = """
The guard cannot find the key.|Staff must not tell outsiders the code.|There is no charge for children.|No charge.|It depends
If the amount is unknown, the finance team decides.|unknown callers are not put through|It is not required.|No answer is needed.
No information may be given to the press.|Data that is not available in the archive is deleted|I don't know, perhaps 12 days.
12 days. The passages do not mention exceptions.|The documents say 12 days.|Documents do not leave the building.
The passages do not say so directly, but the fee is 20 euros.|Information about salaries is not disclosed to third parties.
"""


@pytest.mark.parametrize("text", "|".join(REFUSALS.strip().splitlines()).split("|"))
def test_a_refusal_is_one_in_other_words_too(text):
    assert answer_format.is_refusal(f"Answer: {text}") and answer_format.is_refusal(text.upper())


@pytest.mark.parametrize("text", "|".join(ANSWERS.strip().splitlines()).split("|"))
def test_an_answer_with_words_of_a_refusal_is_none(text):
    assert not answer_format.is_refusal(f"Answer: {text}")


def test_a_refusal_in_the_reasoning_does_not_count_nor_does_one_beside_an_answer():
    assert not answer_format.is_refusal("The documents do not tell.\nAnswer: 12 days")
    assert not answer_format.is_refusal("Answer: The documents do not tell. It is 12 days.")
    assert answer_format.is_refusal("Answer: The documents do not tell. They only describe the lamp.")


def test_what_is_neither_a_refusal_nor_an_answer_is_unclear():
    unclear = ["", "Answer:", "Answer: perhaps 12 days", "Answer: 12 days, though that is not stated"]
    assert all(map(answer_format.is_unclear, unclear))
    assert not any(map(answer_format.is_unclear, ["Answer: 12 days", "Answer: not in the documents", "unknown"]))


@pytest.mark.parametrize(
    "piece", ["the ", "i ", "the passages ", "not ", "a", "sorry ", "from ", "it is not ", "No, ", "1,430 "]
)
def test_reading_an_answer_takes_time_linear_in_its_length(piece):
    def seconds(length: int) -> float:
        text, start = piece * (length // len(piece)), time.process_time()
        refusals.declines(text)
        exact.words(text)
        choice.named_option(text, ["12 days", "3"])
        return time.process_time() - start

    assert seconds(200_000) < 20 * max(seconds(40_000), 0.02)
