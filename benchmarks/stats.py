"""How often the intervals of parts/verdict/stats.py hold the truth, over exams whose truth is known; they say 95% of the time.

python -m benchmarks.stats [TRIALS]
"""

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.stats import bootstrap

from benchmarks.baselines.figures import Figures
from parts.verdict import stats

SIZES = (20, 50, 140, 500)
RESAMPLES = 1999  # params.yaml has 9999; the coverage is the same to the second digit
BOTH, TUNED, RAG, NEITHER = 0.464, 0.057, 0.214, 0.265  # right: the shares of the committed run, correlation 0.47
CELLS = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])  # tuned, rag
CLOSE = (0.5, 0.1, 0.12, 0.28)  # arms that are nearly alike
RARE = (0.9, 0.02, 0.04, 0.04)  # pairs that hardly ever differ

Drawn = np.ndarray
"""an exam: tuned and rag, 0 or 1, (questions, 2)"""


def ours(exam: Drawn, seed: int) -> tuple[float, float]:
    return stats.paired_difference_ci(exam[:, 0], exam[:, 1], RESAMPLES, seed)[1:]


def scipys(method: str, exam: Drawn, seed: int) -> tuple[float, float]:
    """The bootstrap of the pairs as they are: parts/verdict/stats.py adds two."""
    gaps = exam[:, 0] - exam[:, 1]
    if np.ptp(gaps) == 0:
        return gaps[0], gaps[0]
    found = bootstrap((gaps,), np.mean, n_resamples=RESAMPLES, method=method, rng=np.random.default_rng(seed))
    return tuple(found.confidence_interval)


def wilson(exam: Drawn, seed: int) -> tuple[float, float]:
    return stats.proportion_ci(exam[:, 0])[1:]


def coverage(
    interval: Callable[[Drawn, int], tuple[float, float]], shares: tuple, truth: float, size: int, trials: int
) -> float:
    """Return the share of `trials` exams of `size` questions whose interval holds `truth`."""
    rng, held = np.random.default_rng(size), 0
    for trial in range(trials):
        lo, hi = interval(CELLS[rng.choice(4, size, p=shares)], trial)
        held += lo - 1e-9 <= truth <= hi + 1e-9
    return held / trials


def deciding(trials: int) -> float:
    """How often as many further questions as are said to decide do decide, on exams of 140 that did not."""
    rng, decided, asked = np.random.default_rng(5), 0, 0
    while asked < trials:
        exam = CELLS[rng.choice(4, 140, p=CLOSE)]
        more = stats.additional_sample_size(exam[:, 0], exam[:, 1])
        if not more or more > 20_000:
            continue
        further = exam[rng.choice(140, more)]  # questions like these: what it reckons with
        lo, hi = normal(np.concatenate([exam, further]))
        decided, asked = decided + (lo > 0 or hi < 0), asked + 1
    return decided / asked


def normal(exam: Drawn) -> tuple[float, float]:
    """The same interval by the normal approximation: on thousands of questions the bootstrap says the same, and slowly."""
    gaps = exam[:, 0] - exam[:, 1]
    half = 1.96 * gaps.std() / len(gaps) ** 0.5
    return gaps.mean() - half, gaps.mean() + half


def main(trials: str = "2000") -> None:
    figures, count = Figures("stats", "scipy", "numpy"), int(trials)
    figures.add("trials", count)
    for name, shares in (("", (BOTH, TUNED, RAG, NEITHER)), ("_close", CLOSE), ("_rare", RARE)):
        gap = shares[1] - shares[2]
        for size in SIZES:
            figures.add(f"coverage{name}_{size}", coverage(ours, shares, gap, size, count), "0.95")
            for method in ("percentile", "BCa"):
                found = coverage(partial(scipys, method), shares, gap, size, count)
                figures.add(f"coverage_{method.lower()}{name}_{size}", found, "none: what could be used instead")
            accuracy = shares[0] + shares[1]
            figures.add(f"coverage_wilson{name}_{size}", coverage(wilson, shares, accuracy, size, count), "0.95")
    figures.add("additional_questions_decide", deciding(count), f"{stats.POWER}")
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
