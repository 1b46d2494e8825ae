"""Compute what an arm costs in total, and the number of questions at which two arms break even."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class ArmCost(NamedTuple):
    """An arm's costs in US dollars; None where a price is not known, or nothing was timed."""

    upfront: float | None
    """before the first question"""
    question: float | None
    """per question"""
    month: float | None = 0.0
    """per month in which documents change"""

    def total(self, questions: float, months: float = 0) -> float | None:
        """Return upfront + months x month + questions x question."""
        if None in self:
            return None
        return self.upfront + months * self.month + questions * self.question


class Saving(NamedTuple):
    """US dollars that the candidate costs less than the baseline on a question: mean, and the 95% interval."""

    mean: float
    lo: float
    hi: float


def break_even(candidate: ArmCost, baseline: ArmCost, months: float = 0) -> int | None:
    """Return the number of questions over `months` from which `candidate` costs no more than `baseline`.

    (what it costs more at 0 questions) / (what it saves per question), rounded up, at least 0. None: never, for it saves
    nothing per question; or not known, for want of a price or a timing.
    """
    fixed, baseline_fixed = candidate.total(0, months), baseline.total(0, months)
    if fixed is None or baseline_fixed is None or baseline.question <= candidate.question:
        return None
    return max(0, math.ceil((fixed - baseline_fixed) / (baseline.question - candidate.question)))


def break_even_range(
    candidate: ArmCost, baseline: ArmCost, saving: Saving, months: int = 0
) -> tuple[int | None, int | None, int | None]:
    """Return break-even at the mean saving, at the most (fewest questions) and at the least, to two digits.

    Over `months` they are questions a month, rounded up to whole ones. None as `break_even` has it; all None unless the
    whole interval of the saving is above 0.
    """
    if saving.lo <= 0:
        return None, None, None
    totals = [break_even(candidate, _dearer_by(candidate, baseline, saved), months) for saved in saving]
    mean, most, least = (total and -(-total // max(1, months)) for total in totals)
    return two_digits(mean, round), two_digits(least, math.floor), two_digits(most, math.ceil)


def _dearer_by(candidate: ArmCost, baseline: ArmCost, saved: float) -> ArmCost:
    """Return `baseline` at a question's price of `candidate` and `saved` on top."""
    return baseline._replace(question=None if candidate.question is None else candidate.question + saved)


def two_digits(questions: int | None, rounding=round) -> int | None:
    """Return `questions` to two significant digits, by `rounding` (round, floor or ceil)."""
    if not questions:
        return questions
    unit = 10 ** max(0, math.floor(math.log10(questions)) - 1)
    return rounding(questions / unit) * unit


def curve(arms: Mapping[str, ArmCost], crossing: int | None) -> list[dict]:
    """Return rows of arm, questions and dollars (total), up to twice the `crossing` or 100,000 questions, for a chart.

    crossing: true on the rows of rag and tuned there.
    """
    middle = crossing or 50_000
    points = [0, middle // 2, middle, middle * 2]
    return [
        {"arm": arm, "questions": questions, "dollars": cost.total(questions)}
        | {"crossing": bool(crossing) and questions == crossing and arm in ("rag", "tuned")}
        for arm, cost in arms.items()
        if cost.total(0) is not None
        for questions in points
    ]
