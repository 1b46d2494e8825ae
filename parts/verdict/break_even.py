"""What an arm costs over time, and from how many questions on another one is cheaper."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class ArmCost(NamedTuple):
    """US dollars that an arm takes; None where a price is not known."""

    upfront: float | None
    """before the first question"""
    question: float
    """for each question"""
    month: float | None = 0.0
    """for each month in which documents change"""

    def total(self, questions: float, months: float = 0) -> float | None:
        """Return upfront + months x month + questions x question."""
        if self.upfront is None or self.month is None:
            return None
        return self.upfront + months * self.month + questions * self.question


def break_even(dear: ArmCost, cheap: ArmCost, months: float = 0) -> int | None:
    """Return from how many questions on, over `months`, `dear` (upfront) costs no more than `cheap`: 0, from the first.

    (what it costs more without a question) / (what it saves on each), rounded up. None: never, for a question saves
    nothing; or not known, for want of a price.
    """
    one, two = dear.total(0, months), cheap.total(0, months)
    saved = cheap.question - dear.question
    if one is None or two is None or saved <= 0:
        return None
    return max(0, math.ceil((one - two) / saved))


def curve(arms: Mapping[str, ArmCost], crossing: int | None) -> list[dict]:
    """Return arm, questions and dollars, to draw what each arm costs in all: to twice the `crossing`, where there is one.

    crossing: true on the rows of rag and tuned there.
    """
    at = crossing or 50_000
    points = [0, at // 2, at, at * 2]
    return [
        {"arm": arm, "questions": questions, "dollars": spent.total(questions)}
        | {"crossing": bool(crossing) and questions == crossing and arm in ("rag", "tuned")}
        for arm, spent in arms.items()
        if spent.upfront is not None
        for questions in points
    ]
