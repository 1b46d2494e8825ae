"""Confidence intervals of proportions and paired differences, and tests. All from SciPy."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

POWER = 0.8
"""The power of `additional_sample_size`."""


class Interval(NamedTuple):
    """An estimate with its 95% interval."""

    value: float
    lo: float
    hi: float

    def named(self, name: str) -> dict[str, float]:
        """Return the estimate as `name`, its ends as `name`_lo and `name`_hi."""
        return {name: self.value, f"{name}_lo": self.lo, f"{name}_hi": self.hi}


def proportion_ci(correct: Sequence[float]) -> Interval:
    """Return the mean of `correct` (each 0 or 1) with its Wilson score interval (Wilson 1927), never empty at 0 or 1."""
    from scipy import stats

    correct = np.asarray(correct, float)
    interval = stats.binomtest(round(correct.sum()), len(correct)).proportion_ci(method="wilson")
    return Interval(float(correct.mean()), float(interval.low), float(interval.high))


def paired_difference_ci(first: Sequence[float], second: Sequence[float], resamples: int, seed: int) -> Interval:
    """Return the mean of `first` - `second` (each 0 or 1), paired, with its bootstrap percentile interval (Efron 1979).

    Two pairs are added before resampling, of sqrt(1/2) and -sqrt(1/2): by mean and variance the half pair that Agresti
    and Min (2005) add to each of the four cells. Without them the interval is too short where few pairs differ, and of
    length 0 where none does (benchmarks/stats.py).
    """
    from scipy import stats

    differences = np.asarray(first, float) - np.asarray(second, float)
    interval = stats.bootstrap(
        (np.append(differences, [0.5**0.5, -(0.5**0.5)]),), np.mean,
        n_resamples=resamples, method="percentile", rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(float(differences.mean()), float(interval.low), float(interval.high))


def mcnemar(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the p-value of McNemar's exact test of `first` against `second` (0 or 1, paired); 1 where no pair differs."""
    from scipy import stats

    first, second = np.asarray(first), np.asarray(second)
    wins, losses = int((first > second).sum()), int((first < second).sum())
    return float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def benjamini_hochberg(pvalues: Sequence[float]) -> list[float]:
    """Return the Benjamini-Hochberg adjusted p-values (false discovery rate; Benjamini and Hochberg 1995)."""
    from scipy import stats

    return stats.false_discovery_control(pvalues).tolist() if len(pvalues) else []


def additional_sample_size(first: Sequence[float], second: Sequence[float]) -> int | None:
    """Return how many more pairs like these would give a 95% interval that excludes 0, with a chance of POWER.

    None when the difference is 0; 0 when the interval excludes 0 already. The n pairs at hand stay, and their mean
    difference d with its deviation s is taken to be the true one (conditional power under the current trend, Lan and
    Wittes 1988): the m for which d (n + m) = z(0.975) s sqrt(n + m) + z(POWER) s sqrt(m), by the normal approximation.
    """
    from scipy import optimize, stats

    differences = np.asarray(first, float) - np.asarray(second, float)
    count, mean, deviation = len(differences), abs(differences.mean()), differences.std()
    if mean == 0:
        return None
    z_confidence, z_power = stats.norm.ppf([0.975, POWER])

    def shortfall(more: float) -> float:
        return deviation * (z_confidence * math.sqrt(count + more) + z_power * math.sqrt(more)) - mean * (count + more)

    if shortfall(0) <= 0:
        return 0
    from_scratch = ((z_confidence + z_power) * deviation / mean) ** 2  # the sample size without the pairs at hand
    return math.ceil(optimize.brentq(shortfall, 0, from_scratch))
