"""Coverage of the intervals of parts/verdict/stats.py on simulated exams whose truth is known, and false winners.

python -m benchmarks.stats [TRIALS]

Exams are drawn by latent normals: a question is hard for both arms (correlation), a document is better known to one
(intra-class correlation of what tuned gains), a training seed is good or bad.
"""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.stats import norm

from benchmarks.baselines.figures import RESULTS, Figures
from parts.project import metrics
from parts.project.arms import load_arms
from parts.verdict.comparison import CompareParams, compare
from parts.verdict.stats import intraclass_correlation, paired_difference, proportion_ci
from parts.verdict.verdict_sentence import design

PARAMS = CompareParams(accuracy="judge", least_oracle=0.3, least_discordant=6, most_unjudged=0.05)
LATENT = {0.0: 0.0, 0.17: 0.14, 0.3: 0.24}
"""intra-class correlation of the differences -> share of the latent variance that is the document's (measured here)"""


class Setting(NamedTuple):
    """What an exam is drawn from."""

    questions: int
    tuned: float  # true accuracies
    rag: float
    correlation: float = 0.4  # of the arms, latent
    documents: int = 0  # 0: a question a document
    icc: float = 0.0
    seeds: int = 1
    seeds_sd: float = 0.0  # of the true accuracies of trainings, about


def settings() -> Iterator[Setting]:
    """Yield settings from 20 to 500 questions: independent ones, ones of 14 or 32 documents, and three trainings."""
    truths = ((0.6, 0.7), (0.6, 0.6), (0.95, 0.97))
    for n, (tuned, rag), correlation in product((20, 50, 140, 500), truths, (0.0, 0.4, 0.8)):
        yield Setting(n, tuned, rag, correlation)
    for n, (tuned, rag), icc, documents in product((140, 500), truths, (0.17, 0.3), (14, 32)):
        yield Setting(n, tuned, rag, 0.4, documents, icc)
    for n, (tuned, rag), sd in product((50, 140, 500), truths[:2], (0.0, 0.03, 0.06)):
        yield Setting(n, tuned, rag, 0.4, seeds=3, seeds_sd=sd)


def draw(setting: Setting, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return whether tuned is right (questions x seeds), whether rag is (questions), and each question's document."""
    n, share = setting.questions, LATENT[setting.icc]
    documents = np.arange(n) % setting.documents if setting.documents else np.arange(n)
    known = rng.normal(size=documents.max() + 1)[documents] * share**0.5
    hard = rng.normal(size=n) * setting.correlation**0.5
    rest = max(0.0, 1 - share - setting.correlation) ** 0.5
    deviation = setting.seeds_sd / norm.pdf(norm.ppf(setting.tuned))
    by_seed = rng.normal(size=setting.seeds) * deviation
    noise = rng.normal(size=(n, setting.seeds)) * rest
    scale = (share + setting.correlation + rest**2) ** 0.5
    tuned_limit = norm.ppf(setting.tuned) * (scale**2 + deviation**2) ** 0.5
    tuned = (hard + known)[:, None] + noise + by_seed < tuned_limit
    rag = hard - known + rng.normal(size=n) * rest < norm.ppf(setting.rag) * scale
    return tuned.astype(float), rag.astype(float), documents.tolist()


def coverage(setting: Setting, trials: int) -> dict[str, float]:
    """Return how often the intervals of the difference and of tuned's accuracy hold the truth, and how often 0 is in."""
    rng, covered, undecided, accurate, correlations = np.random.default_rng(setting.questions), 0, 0, 0, []
    truth = setting.tuned - setting.rag
    for _ in range(trials):
        tuned, rag, documents = draw(setting, rng)
        difference = paired_difference(tuned - rag[:, None], documents)
        covered += difference.interval.lo <= truth <= difference.interval.hi
        undecided += difference.p >= 0.05 or difference.n_discordant < PARAMS.least_discordant
        interval = proportion_ci(tuned)
        accurate += interval.lo <= setting.tuned <= interval.hi
        correlation = intraclass_correlation((tuned - rag[:, None]).mean(1), documents) if setting.documents else None
        if correlation is not None:  # it is where the arms answer every question alike
            correlations.append(correlation)
    values = {"coverage": covered / trials, "undecided": undecided / trials, "accuracy": accurate / trials}
    return values | {"icc": float(np.mean(correlations)) if correlations else 0.0}


def false_winners(share: float, trials: int) -> float:
    """Return how often arms that are alike get a winner when the judge says nothing of a `share` of one's answers."""
    rng, winners, arms = np.random.default_rng(3), 0, load_arms()
    questions = pl.DataFrame({"question_id": [f"{n:03}" for n in range(140)]}).with_columns(
        answerable=pl.lit(True), document=pl.lit(None, pl.String)
    )
    for _ in range(trials):
        tuned, rag, _ = draw(Setting(140, 0.6, 0.6), rng)
        columns = dict.fromkeys(arms, rag) | {"tuned": np.where(rng.random(140) < share, np.nan, tuned[:, 0])}
        columns |= {"oracle": np.ones(140)}
        rows = [
            questions.select("question_id").with_columns(
                arm=pl.lit(arm), seed=0, right=pl.Series(values).fill_nan(None) == 1, reason=pl.lit(None, pl.String)
            )
            for arm, values in columns.items()
        ]
        winners += compare(pl.concat(rows), questions, arms, PARAMS)["verdict"] in ("tuned", "rag")
    return winners / trials


def further_says_assumption() -> bool:
    """Whether the words on further questions say what they assume."""
    tie = {"verdict": "undecided", "answerable_tuned_minus_rag": 0.02, "questions_for_5_points": 3000}
    tie |= {"answerable_tuned_minus_rag_lo": -0.08, "answerable_tuned_minus_rag_hi": 0.12, "least_difference": 0.14}
    words = design(tie | {"questions_for_10_points": 700, "questions_for_this": 19_000, "questions_for_the_most": 500})
    return "If the true difference is the one seen" in words and "at 0 none" in words


def seeds_sd() -> float | None:
    """Return the standard deviation of tuned's accuracy over the training seeds of the run in metrics/."""
    verdict = metrics.read("verdict")
    by_seed = [value for key, value in verdict.items() if key.startswith("accuracy_tuned_seed_")]
    return float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None


def main(trials: str | int = 1000, results: Path = RESULTS) -> None:
    figures, trials = Figures("stats", results, "scipy", "numpy"), int(trials)
    figures.add("trials", trials)
    values = {setting: coverage(setting, trials) for setting in settings()}
    figures.add("settings", len(values))
    figures.add("coverage_min", min(row["coverage"] for row in values.values()), ">= 0.93")
    figures.add("coverage_max", max(row["coverage"] for row in values.values()), "none")
    figures.add("coverage_accuracy_min", min(row["accuracy"] for row in values.values() if not row["icc"]), ">= 0.93")
    alike = [row["undecided"] for setting, row in values.items() if setting.tuned == setting.rag]
    figures.add("aa_undecided_min", min(alike), ">= 0.94")
    figures.add("icc_max", max(row["icc"] for row in values.values()), "none: drawn from 0.17 and 0.3")
    nulls = [false_winners(share, max(20, trials // 4)) for share in (0.05, 0.1, 0.2)]
    figures.add("false_winners_with_nulls_max", max(nulls), "<= 0.06")
    figures.add("further_says_assumption", int(further_says_assumption()), "1")
    figures.add("seeds_sd", seeds_sd(), "none: the committed run's")
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
