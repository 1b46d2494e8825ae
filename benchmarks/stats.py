"""Coverage of the confidence intervals of parts/verdict/stats.py, on exams whose true accuracy is known; nominal: 95%.

python -m benchmarks.stats [TRIALS]
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from benchmarks.baselines.figures import RESULTS, Figures
from parts.verdict import stats

SIZES = (20, 50, 140, 500)
RESAMPLES = 1999  # params.yaml has 9999; the coverage is the same to the second digit
SHIPPED = (0.464, 0.057, 0.214, 0.265)  # shares of both right, tuned alone, rag alone, neither; correlation 0.47
CLOSE = (0.5, 0.1, 0.12, 0.28)  # arms that are nearly alike
RARE = (0.9, 0.02, 0.04, 0.04)  # pairs that hardly ever differ
CELLS = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])  # tuned, rag

Exam = np.ndarray
"""whether tuned and rag are right, 0 or 1, (questions, 2)"""


def ours(exam: Exam, seed: int) -> tuple[float, float]:
    return stats.paired_difference_ci(exam[:, 0], exam[:, 1], RESAMPLES, seed)[1:]


def scipys(method: str, exam: Exam, seed: int) -> tuple[float, float]:
    """The bootstrap of the pairs as they are: parts/verdict/stats.py adds two."""
    differences = exam[:, 0] - exam[:, 1]
    if np.ptp(differences) == 0:
        return differences[0], differences[0]
    rng = np.random.default_rng(seed)
    result = bootstrap((differences,), np.mean, n_resamples=RESAMPLES, method=method, rng=rng)
    return tuple(result.confidence_interval)


def wilson(exam: Exam, seed: int) -> tuple[float, float]:
    return stats.proportion_ci(exam[:, 0])[1:]


def coverage(
    interval: Callable[[Exam, int], tuple[float, float]], shares: tuple, truth: float, size: int, trials: int
) -> float:
    """Return the share of `trials` exams of `size` questions whose interval contains `truth`."""
    rng, hits = np.random.default_rng(size), 0
    for trial in range(trials):
        lo, hi = interval(CELLS[rng.choice(4, size, p=shares)], trial)
        hits += lo - 1e-9 <= truth <= hi + 1e-9
    return hits / trials


def power(trials: int) -> float:
    """How often the additional questions estimated for undecided exams of 140 do decide them."""
    rng, decided, undecided = np.random.default_rng(5), 0, 0
    while undecided < trials:
        exam = CELLS[rng.choice(4, 140, p=CLOSE)]
        more = stats.additional_sample_size(exam[:, 0], exam[:, 1])
        if not more or more > 20_000:
            continue
        additional = exam[rng.choice(140, more)]  # questions like these: what the estimate assumes
        lo, hi = normal(np.concatenate([exam, additional]))
        decided, undecided = decided + (lo > 0 or hi < 0), undecided + 1
    return decided / undecided


def normal(exam: Exam) -> tuple[float, float]:
    """The same interval by the normal approximation: on thousands of questions the bootstrap agrees, and is slow."""
    differences = exam[:, 0] - exam[:, 1]
    half = 1.96 * differences.std() / len(differences) ** 0.5
    return differences.mean() - half, differences.mean() + half


def main(trials: str | int = 2000, results: Path = RESULTS) -> None:
    figures, trials = Figures("stats", results, "scipy", "numpy"), int(trials)
    figures.add("trials", trials)
    for name, shares in (("", SHIPPED), ("_close", CLOSE), ("_rare", RARE)):
        difference, accuracy = shares[1] - shares[2], shares[0] + shares[1]
        for size in SIZES:
            figures.add(f"coverage{name}_{size}", coverage(ours, shares, difference, size, trials), "0.95")
            for method in ("percentile", "BCa"):
                value = coverage(partial(scipys, method), shares, difference, size, trials)
                figures.add(f"coverage_{method.lower()}{name}_{size}", value, "none: what could be used instead")
            figures.add(f"coverage_wilson{name}_{size}", coverage(wilson, shares, accuracy, size, trials), "0.95")
    figures.add("additional_questions_decide", power(trials), f"{stats.POWER}")
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
