"""Answer closed book, look passages up where that is not confident, and decline where that is not confident either.

When to look up is asked in Adaptive-RAG (arXiv 2403.14403), by a classifier of questions; here the student's own confidence
decides, by two thresholds that are chosen on development questions.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.errors import UserError
from parts.text.answer_format import REFUSAL, format_answer

DECLINED = format_answer("", REFUSAL)
"""The response where neither answer is confident."""


SURE = 1.01
"""A threshold that no confidence reaches."""


class Thresholds(BaseModel, frozen=True):
    """Confidences, 0..1; metrics/tune_cascade.json has more beside them."""

    look_up_below: float = Field(ge=0)  # of the answer closed book
    decline_below: float = Field(ge=0)  # of the answer with passages


class Outcome(NamedTuple):
    """How both answers to a development question turn out."""

    closed_confidence: float
    closed_right: bool
    open_confidence: float
    open_right: bool
    declining_right: bool


class Choice(NamedTuple):
    """Thresholds, with the accuracy on the development questions and the share of them that is looked up."""

    thresholds: Thresholds
    accuracy: float
    looked_up: float


def read() -> Thresholds:
    """Return the chosen thresholds. Raises UserError if the file is missing."""
    try:
        return Thresholds.model_validate(metrics.read("tune_cascade"))
    except FileNotFoundError as error:
        raise UserError("metrics/tune_cascade.json is missing: `dvc repro tune_cascade` makes it") from error


def rounded(confidence: float | None) -> float | None:
    """Return a confidence as it is kept: rounding errors of a batch do not change it."""
    return None if confidence is None else round(confidence, 4)


def is_confident(confidence: float | None, threshold: float) -> bool:
    """Tell whether an answer is kept. Raises UserError where the engine does not tell its confidence."""
    if confidence is None:
        raise UserError(
            "the engine tells no log-probabilities, by which the arm cascade decides: take it out of section arms, "
            "or set answer.engine to transformers"
        )
    return confidence >= threshold


def choose(outcomes: Sequence[Outcome]) -> Choice:
    """Return the thresholds with the most right answers to `outcomes`; of equally many, those that look up the least."""
    return max(_choices(outcomes), key=lambda choice: (choice.accuracy, -choice.looked_up))


def curve(outcomes: Sequence[Outcome], decline_below: float) -> list[tuple[float, float]]:
    """Return (share looked up, accuracy), from looking nothing up to looking up every question, the least confident first."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.closed_confidence)
    right = sum(outcome.closed_right for outcome in ordered)
    points = [(0.0, right / len(ordered))]
    for number, outcome in enumerate(ordered, 1):
        right += _right_open(outcome, decline_below) - outcome.closed_right
        points.append((number / len(ordered), right / len(ordered)))
    return points


def _choices(outcomes: Sequence[Outcome]) -> Iterator[Choice]:
    """Yield what every pair of thresholds comes to: each confidence of an answer is one, and 0."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.closed_confidence)
    for decline_below in sorted({0.0, SURE, *(outcome.open_confidence for outcome in outcomes)}):
        right = sum(outcome.closed_right for outcome in ordered)
        yield Choice(Thresholds(look_up_below=0, decline_below=decline_below), right / len(ordered), 0.0)
        for number, outcome in enumerate(ordered, 1):
            right += _right_open(outcome, decline_below) - outcome.closed_right
            following = ordered[number].closed_confidence if number < len(ordered) else SURE
            if following > outcome.closed_confidence:
                middle = (outcome.closed_confidence + following) / 2
                thresholds = Thresholds(look_up_below=middle, decline_below=decline_below)
                yield Choice(thresholds, right / len(ordered), number / len(ordered))


def _right_open(outcome: Outcome, decline_below: float) -> bool:
    return outcome.open_right if outcome.open_confidence >= decline_below else outcome.declining_right
