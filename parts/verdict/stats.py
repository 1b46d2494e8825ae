"""Confidence intervals of proportions and paired differences, in closed form: without a seed, in any order of rows.

Two things vary: the questions that an exam happens to hold, and the seed of a training. A matrix has a row a question
and a column a seed; its mean has the variance of both (crossed random effects; Owen 2007, eq. 4).
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

POWER = 0.8
"""The power of `sample_size`."""
_HALF_PAIRS = (0.5**0.5, -(0.5**0.5))


class Interval(NamedTuple):
    """An estimate with its 95% interval."""

    value: float
    lo: float
    hi: float

    def named(self, name: str) -> dict[str, float]:
        """Return the estimate as `name`, its ends as `name`_lo and `name`_hi."""
        return {name: self.value, f"{name}_lo": self.lo, f"{name}_hi": self.hi}


class Difference(NamedTuple):
    """A paired difference with its 95% interval and the p-value of the same test: below 0.05 where 0 is outside."""

    interval: Interval
    p: float
    n: int
    """questions"""
    n_discordant: int
    """questions in which the two differ"""
    questions_variance: float
    """of the mean, by the questions"""
    seeds_variance: float
    """of the mean, by the training seeds"""

    def named(self, name: str) -> dict[str, float | int]:
        """Return the difference as `name`, `name`_lo, `name`_hi, and its p-value as `name`_p."""
        return self.interval.named(name) | {f"{name}_p": self.p}


def proportion_ci(right: Sequence[float] | Sequence[Sequence[float]]) -> Interval:
    """Return the mean of `right` (0 or 1; a row a question, a column a seed) with its Wilson score interval (Wilson 1927).

    With several seeds, n is that of a binomial of the same variance (as Korn and Graubard 1998 do for surveys), and the
    quantile Student's t.
    """
    from scipy import stats

    right = _matrix(right)
    n, mean = len(right), float(right.mean())
    n_effective, z = float(n), float(stats.norm.ppf(0.975))
    if right.shape[1] > 1 and 0 < mean < 1:
        by_questions, by_seeds = right.mean(1).var() / n, _seeds_variance(right)
        n_effective = mean * (1 - mean) / (by_questions + by_seeds)
        z = float(stats.t.ppf(0.975, _freedom(by_questions, n - 1, by_seeds, right.shape[1])))
    shrunk = z * z / n_effective
    centre = (mean + shrunk / 2) / (1 + shrunk)
    half = math.sqrt(mean * (1 - mean) * shrunk + shrunk * shrunk / 4) / (1 + shrunk)
    return Interval(mean, max(0.0, centre - half), min(1.0, centre + half))


def paired_difference(
    differences: Sequence[float] | Sequence[Sequence[float]],
    documents: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
) -> Difference:
    """Return the mean of `differences` (-1..1; a row a question, a column a seed) with its interval by Student's t.

    Two pairs are added, of sqrt(1/2) and -sqrt(1/2): by mean and variance the half pair that Agresti and Min (2005) add
    to each of the four cells. Questions of one of `documents` may depend on one another: of the variances with questions
    and with documents as clusters (Liang and Zeger 1986; degrees of freedom by the effective number of clusters, Carter
    et al. 2017) the one with the wider interval holds. Between `strata`, whose shares of the exam are by design,
    differences add no variance.
    """
    from scipy import stats

    values = _matrix(differences)
    n, n_seeds = values.shape
    centre = float(values.sum() / (n + 2) / n_seeds)
    residuals = np.append((values - _stratum_means(values, strata)).mean(1), _HALF_PAIRS)
    seeds_variance, widest = _seeds_variance(values), (-1.0, 0.0, 0.0, 1.0)
    for clusters in (range(n), documents or range(n)):
        variance, freedom = _clustered(residuals, [*clusters, *_HALF_PAIRS])
        deviation = math.sqrt(variance + seeds_variance)
        freedom = _freedom(variance, freedom, seeds_variance, n_seeds)
        widest = max(widest, (float(stats.t.ppf(0.975, freedom)) * deviation, deviation, variance, freedom))
    half, deviation, variance, freedom = widest
    interval = Interval(float(values.mean()), max(-1.0, centre - half), min(1.0, centre + half))
    p = 2 * float(stats.t.sf(abs(centre) / deviation, freedom))
    return Difference(interval, p, n, int((values.mean(1) != 0).sum()), variance, seeds_variance)


def intraclass_correlation(values: Sequence[float], groups: Sequence[Hashable]) -> float | None:
    """Return how alike `values` of one group are (analysis of variance, Fisher 1925); None where no group has two."""
    values, index = np.asarray(values, float), _numbered(groups)
    sizes = np.bincount(index)
    n, n_groups = len(values), len(sizes)
    if n_groups < 2 or n == n_groups:
        return None
    means = np.bincount(index, values) / sizes
    within = ((values - means[index]) ** 2).sum() / (n - n_groups)
    between = (sizes * (means - values.mean()) ** 2).sum() / (n_groups - 1)
    size = (n - (sizes**2).sum() / n) / (n_groups - 1)
    total = between + (size - 1) * within
    return float((between - within) / total) if total else None


def mcnemar(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the mid-p value of McNemar's test of `first` against `second` (0 or 1, paired; Fagerland et al. 2013)."""
    from scipy import stats

    first, second = np.asarray(first), np.asarray(second)
    wins, losses = int((first > second).sum()), int((first < second).sum())
    fewer, distribution = min(wins, losses), stats.binom(wins + losses, 0.5)
    return min(1.0, float(2 * distribution.cdf(fewer) - distribution.pmf(fewer)))


def benjamini_hochberg(pvalues: Sequence[float]) -> list[float]:
    """Return the Benjamini-Hochberg adjusted p-values (false discovery rate; Benjamini and Hochberg 1995)."""
    from scipy import stats

    return stats.false_discovery_control(pvalues).tolist() if len(pvalues) else []


def sample_size(difference: Difference, true: float) -> int | None:
    """Return the questions of an exam like this one that decides with a chance of POWER, if the difference is `true`.

    By the normal approximation. None where no number of questions does: `true` is 0, or the seeds vary more.
    """
    from scipy import stats

    variance = (true / stats.norm.ppf([0.975, POWER]).sum()) ** 2 - difference.seeds_variance
    return math.ceil(difference.questions_variance * difference.n / variance) if variance > 0 else None


def least_difference(difference: Difference) -> float:
    """Return the true difference (0..1) that an exam like this one decides with a chance of POWER."""
    from scipy import stats

    variance = difference.questions_variance + difference.seeds_variance
    return min(1.0, float(stats.norm.ppf([0.975, POWER]).sum() * math.sqrt(variance)))


def _matrix(values: Sequence) -> np.ndarray:
    """Return `values` as questions x seeds."""
    values = np.asarray(values, float)
    return values[:, None] if values.ndim == 1 else values


def _numbered(groups: Sequence[Hashable]) -> np.ndarray:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups])


def _stratum_means(values: np.ndarray, strata: Sequence[Hashable] | None) -> np.ndarray:
    """Return for each question the mean of its stratum; of all, where its stratum has one question."""
    index = _numbered(strata) if strata is not None else np.zeros(len(values), int)
    sizes = np.bincount(index)[index]
    means = (np.bincount(index, values.mean(1)) / np.bincount(index))[index]
    return np.where(sizes > 1, means, values.mean())[:, None]


def _clustered(residuals: np.ndarray, clusters: Sequence[Hashable]) -> tuple[float, float]:
    """Return the variance of the mean with `clusters` drawn independently, and its degrees of freedom."""
    index = _numbered(clusters)
    sums, sizes = np.bincount(index, residuals), np.bincount(index)
    variance = float((sums**2).sum()) * len(sums) / (len(sums) - 1) / len(residuals) ** 2
    return variance, float(len(residuals) ** 2 / (sizes**2).sum() - 1)


def _seeds_variance(values: np.ndarray) -> float:
    """Return the variance of the mean by the seeds: that of their means, less what the questions add to it (0 at least)."""
    n, n_seeds = values.shape
    if n < 2 or n_seeds < 2:
        return 0.0
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    by_questions = (rest**2).sum() / (n - 1) / (n_seeds - 1) / n
    return max(0.0, float(values.mean(0).var(ddof=1) - by_questions) / n_seeds)


def _freedom(variance: float, freedom: float, seeds_variance: float, n_seeds: int) -> float:
    """Return the degrees of freedom by which the sum of both variances has Banerjee's (1960) interval.

    Its square is that of the questions' own interval plus that of the seeds' own, so it covers at least 95%, whichever
    of the two rules. (Satterthwaite's degrees of freedom cover 0.93 where three seeds rule: their variance is often
    drawn small, and then counts for little.)
    """
    from scipy.special import stdtridf, stdtrit

    if not seeds_variance:
        return freedom
    squares = stdtrit(freedom, 0.975) ** 2 * variance + stdtrit(n_seeds - 1, 0.975) ** 2 * seeds_variance
    return float(stdtridf(0.975, math.sqrt(squares / (variance + seeds_variance))))
