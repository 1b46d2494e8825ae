"""How sure a number is: intervals of shares and paired differences, and tests. All from SciPy."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

POWER = 0.8
"""The chance with which so many further questions decide."""


class Interval(NamedTuple):
    """A figure with its 95% interval."""

    value: float
    lo: float
    hi: float

    def named(self, name: str) -> dict[str, float]:
        """Return the figure as `name`, its ends as `name`_lo and `name`_hi."""
        return {name: self.value, f"{name}_lo": self.lo, f"{name}_hi": self.hi}


def proportion_ci(right: Sequence[float]) -> Interval:
    """Return the mean of `right` (each 0 or 1) with Wilson's interval (Wilson 1927), never empty at 0 or 1."""
    right = np.asarray(right, float)
    found = stats.binomtest(round(right.sum()), len(right)).proportion_ci(method="wilson")
    return Interval(float(right.mean()), float(found.low), float(found.high))


def paired_difference_ci(one: Sequence[float], two: Sequence[float], resamples: int, seed: int) -> Interval:
    """Return the mean of `one` - `two` (each 0 or 1), paired, with its bootstrap percentile interval (Efron 1979).

    Resampled are the pairs and two more, of sqrt(1/2) and -sqrt(1/2): by mean and variance the half pair that Agresti
    and Min (2005) add to each of the four cells. Without them the interval is too short where few pairs differ, and of
    no length where none does (benchmarks/stats.py).
    """
    gaps = np.asarray(one, float) - np.asarray(two, float)
    found = stats.bootstrap(
        (np.append(gaps, [0.5**0.5, -(0.5**0.5)]),), np.mean,
        n_resamples=resamples, method="percentile", rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(float(gaps.mean()), float(found.low), float(found.high))


def mcnemar(one: Sequence[float], two: Sequence[float]) -> float:
    """Return the p of McNemar's exact test that `one` and `two` (0 or 1, paired) are right equally often; 1: no pair differs."""
    one, two = np.asarray(one), np.asarray(two)
    wins, losses = int((one > two).sum()), int((one < two).sum())
    return float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def benjamini_hochberg(pvalues: Sequence[float]) -> list[float]:
    """Return `pvalues` of tests made together, such that of those below 0.05 a twentieth is chance (Benjamini, Hochberg 1995)."""
    return stats.false_discovery_control(pvalues).tolist() if len(pvalues) else []


def additional_sample_size(one: Sequence[float], two: Sequence[float]) -> int | None:
    """Return how many more questions like these would part `one` from `two` at 95%, with a chance of POWER.

    None when the difference is nought, 0 when they are parted already. Those that were asked stay, and the difference
    d with its deviation s is taken to be the true one (conditional power under the current trend, Lan and Wittes 1988):
    the m for which d (n + m) = z(0.975) s sqrt(n + m) + z(POWER) s sqrt(m), by the normal approximation.
    """
    gaps = np.asarray(one, float) - np.asarray(two, float)
    count, mean, deviation = len(gaps), abs(gaps.mean()), gaps.std()
    if mean == 0:
        return None
    sure, luck = stats.norm.ppf([0.975, POWER])

    def missing(more: float) -> float:
        return deviation * (sure * math.sqrt(count + more) + luck * math.sqrt(more)) - mean * (count + more)

    if missing(0) <= 0:
        return 0
    anew = ((sure + luck) * deviation / mean) ** 2  # what it would take without those that were asked
    return math.ceil(optimize.brentq(missing, 0, anew))
