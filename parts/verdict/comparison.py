"""Compare the arms question by question, and decide the verdict."""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.arms import BASELINE, CANDIDATE, Arm
from parts.verdict import stats


class CompareParams(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "squad_em", "judge"]  # the scorer of correctness, where a question has no options
    resamples: int = Field(ge=100)  # of the bootstrap
    seed: int


def compared_arms(verdict: Mapping[str, metrics.Value]) -> list[str]:
    """Return the arms with an accuracy in `verdict`, metrics/verdict.json of any revision: params.yaml may name others."""
    names = [key.removeprefix("accuracy_") for key in verdict if key.startswith("accuracy_")]
    return [name for name in names if not name.endswith(("_lo", "_hi"))]


def contenders(arms: Mapping[str, Arm]) -> list[str]:
    """Return the arms that are compared with rag: all others but the bounds."""
    return [name for name, arm in arms.items() if name != BASELINE and not arm.is_bound]


def compare(right: pl.DataFrame, arms: Mapping[str, Arm], params: CompareParams) -> dict[str, metrics.Value]:
    """Return the verdict, each arm's accuracy and each contender's difference to rag, with their 95% intervals.

    `right`: a column of 0 and 1 for each arm; an answer without a score is 0. The verdict is undecided unless the
    interval of tuned minus rag excludes 0.
    """
    values: dict[str, metrics.Value] = {"n_questions": len(right)}
    for arm in arms:
        values |= stats.proportion_ci(right[arm]).named(f"accuracy_{arm}")
    for arm in contenders(arms):
        difference = stats.paired_difference_ci(right[arm], right[BASELINE], params.resamples, params.seed)
        values |= difference.named(f"{arm}_minus_rag")
    values["mcnemar_p"] = stats.mcnemar(right[CANDIDATE], right[BASELINE])
    decided = values["tuned_minus_rag_lo"] > 0 or values["tuned_minus_rag_hi"] < 0
    values["verdict"] = ("tuned" if values["tuned_minus_rag"] > 0 else "rag") if decided else "undecided"
    more = None if decided else stats.additional_sample_size(right[CANDIDATE], right[BASELINE])
    values["additional_questions"] = 0 if decided else more and max(1, more)
    return values
