"""Compare the arms, question by question, and say which way wins."""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.arms import BASELINE, CANDIDATE, Arm
from parts.verdict import stats


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "judge"]  # the scorer that says whether an answer is right where there are no options
    resamples: int = Field(ge=100)  # of the bootstrap
    seed: int


def compared_arms(verdict: Mapping[str, metrics.Value]) -> list[str]:
    """Return the arms that metrics/verdict.json has an accuracy of: those of a revision, whatever params.yaml now says."""
    names = [key.removeprefix("accuracy_") for key in verdict if key.startswith("accuracy_")]
    return [name for name in names if not name.endswith(("_lo", "_hi"))]


def contenders(arms: Mapping[str, Arm]) -> list[str]:
    """Return the arms that are compared with rag: all others but the bounds."""
    return [name for name, arm in arms.items() if name != BASELINE and not arm.is_bound]


def compare(right: pl.DataFrame, arms: Mapping[str, Arm], given: Params) -> dict[str, metrics.Value]:
    """Return each arm's accuracy with its interval, and its difference to rag, from a column of 0 and 1 for each arm.

    Bounds (base, oracle) are not compared. An answer that no scorer could judge counts as wrong.
    """
    found: dict[str, metrics.Value] = {"n_questions": len(right)}
    for arm in arms:
        found |= stats.proportion_ci(right[arm]).named(f"accuracy_{arm}")
    for arm in contenders(arms):
        gap = stats.paired_difference_ci(right[arm], right[BASELINE], given.resamples, given.seed)
        found |= gap.named(f"{arm}_minus_rag")
    found["mcnemar_p"] = stats.mcnemar(right[CANDIDATE], right[BASELINE])
    decided = found["tuned_minus_rag_lo"] > 0 or found["tuned_minus_rag_hi"] < 0
    found["verdict"] = ("tuned" if found["tuned_minus_rag"] > 0 else "rag") if decided else "undecided"
    more = None if decided else stats.additional_sample_size(right[CANDIDATE], right[BASELINE])
    found["additional_questions"] = 0 if decided else more and max(1, more)
    return found
