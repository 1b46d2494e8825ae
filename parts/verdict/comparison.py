"""Compare the arms, question by question, and say which way wins."""

from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.sections import ARMS
from parts.verdict import stats


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "judge"]  # the scorer that says whether an answer is right where there are no options
    resamples: int = Field(ge=100)  # of the bootstrap
    seed: int


def compare(right: pl.DataFrame, given: Params) -> dict[str, metrics.Value]:
    """Return each arm's accuracy with its interval, and tuned against rag, from a column of 0 and 1 for each arm.

    An answer that no scorer could judge counts as wrong.
    """
    found: dict[str, metrics.Value] = {"n_questions": len(right)}
    for arm in ARMS:
        found |= stats.proportion_ci(right[arm]).named(f"accuracy_{arm}")
    for arm in ("tuned", "tuned_rag"):
        gap = stats.paired_difference_ci(right[arm], right["rag"], given.resamples, given.seed)
        found |= gap.named(f"{arm}_minus_rag")
    found["mcnemar_p"] = stats.mcnemar(right["tuned"], right["rag"])
    decided = found["tuned_minus_rag_lo"] > 0 or found["tuned_minus_rag_hi"] < 0
    found["verdict"] = ("tuned" if found["tuned_minus_rag"] > 0 else "rag") if decided else "undecided"
    more = None if decided else stats.additional_sample_size(right["tuned"], right["rag"])
    found["additional_questions"] = 0 if decided else more and max(1, more)
    return found
