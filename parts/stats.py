"""How sure a number is: intervals of shares and paired differences, and tests. All from SciPy."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A figure with its 95% interval."""

    value: float
    lo: float
    hi: float


def share(right: Sequence[float]) -> Interval:
    """Return the mean of `right` (each 0 or 1) with Wilson's interval (Wilson 1927), never empty at 0 or 1."""
    right = np.asarray(right, float)
    found = stats.binomtest(round(right.sum()), len(right)).proportion_ci(method="wilson")
    return Interval(float(right.mean()), float(found.low), float(found.high))


def difference(one: Sequence[float], two: Sequence[float], resamples: int, seed: int) -> Interval:
    """Return the mean of `one` - `two`, paired, with its bootstrap percentile interval (Efron 1979)."""
    gaps = np.asarray(one, float) - np.asarray(two, float)
    if np.ptp(gaps) == 0:  # nothing to resample
        return Interval(float(gaps[0]), float(gaps[0]), float(gaps[0]))
    found = stats.bootstrap(
        (gaps,), np.mean, n_resamples=resamples, method="percentile", rng=np.random.default_rng(seed)
    ).confidence_interval
    return Interval(float(gaps.mean()), float(found.low), float(found.high))


def mcnemar(one: Sequence[float], two: Sequence[float]) -> float:
    """Return the p of McNemar's exact test that `one` and `two` (0 or 1, paired) are right equally often; 1: no pair differs."""
    one, two = np.asarray(one), np.asarray(two)
    wins, losses = int((one > two).sum()), int((one < two).sum())
    return float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def further_questions(one: Sequence[float], two: Sequence[float]) -> int | None:
    """Return how many more questions like these would part `one` from `two` at 95%, if the difference stays as it is.

    From the normal approximation, n = (1.96 sd / mean)^2; None when the difference is nought.
    """
    gaps = np.asarray(one, float) - np.asarray(two, float)
    mean = gaps.mean()
    if mean == 0:
        return None
    return max(0, math.ceil((1.96 * gaps.std() / mean) ** 2) - len(gaps))
