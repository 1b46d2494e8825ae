"""Compute what an arm costs in total, and the number of questions at which two arms break even."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class ArmCost(NamedTuple):
    """An arm's costs in US dollars; None where a price is not known."""

    upfront: float | None
    """before the first question"""
    question: float
    """per question"""
    month: float | None = 0.0
    """per month in which documents change"""

    def total(self, questions: float, months: float = 0) -> float | None:
        """Return upfront + months x month + questions x question."""
        if self.upfront is None or self.month is None:
            return None
        return self.upfront + months * self.month + questions * self.question


def break_even(candidate: ArmCost, baseline: ArmCost, months: float = 0) -> int | None:
    """Return the number of questions over `months` from which `candidate` costs no more than `baseline`.

    (what it costs more at 0 questions) / (what it saves per question), rounded up, at least 0. None: never, for it saves
    nothing per question; or not known, for want of a price.
    """
    fixed, baseline_fixed = candidate.total(0, months), baseline.total(0, months)
    saved = baseline.question - candidate.question
    if fixed is None or baseline_fixed is None or saved <= 0:
        return None
    return max(0, math.ceil((fixed - baseline_fixed) / saved))


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
        if cost.upfront is not None
        for questions in points
    ]
