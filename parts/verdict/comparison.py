"""Compare the arms question by question, and decide the verdict: on answerable questions first, then on declining."""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.arms import BASELINE, CANDIDATE, Arm
from parts.verdict import stats

ORACLE = "oracle"
GROUPS = {"answerable": True, "unanswerable": False}
"""group of questions -> whether the documents answer them"""
POINTS = (5, 10)
"""Differences, in points of a hundred, of which the verdict says how many questions see them."""


class CompareParams(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "squad_em", "judge"]  # the scorer of correctness, where a question has no options
    least_oracle: float = Field(ge=0, le=1)  # the oracle's accuracy on answerable questions, below it no verdict
    least_discordant: int = Field(ge=1)  # questions in which rag and tuned differ, below it no winner
    most_unjudged: float = Field(ge=0, le=1)  # share of the questions without a score, above it there is no verdict


def compared_arms(verdict: Mapping[str, metrics.Value]) -> list[str]:
    """Return the arms with an accuracy in `verdict`, metrics/verdict.json of any revision: params.yaml may name others."""
    names = [key.removeprefix("accuracy_") for key in verdict if key.startswith("accuracy_")]
    return [name for name in names if not name.endswith(("_lo", "_hi")) and "_seed_" not in name]


def contenders(arms: Mapping[str, Arm]) -> list[str]:
    """Return the arms that are compared with rag: all others but the bounds."""
    return [name for name, arm in arms.items() if name != BASELINE and not arm.is_bound]


def by_seed(right: pl.DataFrame, arm: str) -> pl.DataFrame:
    """Return question_id and a column of 0 and 1 for each training seed of `arm`; null where the scorer abstained.

    `right`: a row per question, arm and seed: question_id, arm, seed, right (null: abstained), reason.
    """
    rows = right.filter(arm=arm).with_columns(pl.col("right").cast(pl.Float64))
    return rows.sort("seed").pivot("seed", index="question_id", values="right").sort("question_id")


def difference(right: pl.DataFrame, questions: pl.DataFrame, arm: str) -> stats.Difference | None:
    """Return `arm` minus rag on `questions` (question_id, answerable, document); None where no pair was judged.

    A question that either lacks a score to is left out.
    """
    rows = _pairs(right, questions, arm)
    if not len(rows):
        return None
    return stats.paired_difference(_differences(rows), rows["document"].to_list(), rows["answerable"].to_list())


def correlation(right: pl.DataFrame, questions: pl.DataFrame) -> float | None:
    """Return how alike the questions of one document are in what tuned gains on rag, -1..1 (intraclass correlation)."""
    rows = _pairs(right, questions, CANDIDATE)
    return stats.intraclass_correlation(_differences(rows).mean(1), rows["document"]) if len(rows) else None


def _pairs(right: pl.DataFrame, questions: pl.DataFrame, arm: str) -> pl.DataFrame:
    baseline = by_seed(right, BASELINE)
    baseline = baseline.select("question_id", pl.mean_horizontal(pl.exclude("question_id")).alias(BASELINE))
    rows = by_seed(right, arm).join(baseline, "question_id").join(questions, "question_id", validate="1:1")
    return rows.drop_nulls([name for name in rows.columns if name.isdigit() or name == BASELINE]).sort("question_id")


def _differences(rows: pl.DataFrame):
    return rows.select(pl.col(name) - pl.col(BASELINE) for name in rows.columns if name.isdigit()).to_numpy()


def accuracies(right: pl.DataFrame, arms: Mapping[str, Arm]) -> dict[str, metrics.Value]:
    """Return each arm's accuracy with its 95% interval, by seed where it has several, and what was left out by cause."""
    values: dict[str, metrics.Value] = {}
    for arm in arms:
        table = by_seed(right, arm)
        judged = table.drop_nulls().drop("question_id")
        interval = stats.proportion_ci(judged.to_numpy()) if len(judged) else stats.Interval(*[float("nan")] * 3)
        values |= interval.named(f"accuracy_{arm}") | {f"unjudged_{arm}": len(table) - len(judged)}
        if judged.width > 1:
            values |= {f"accuracy_{arm}_seed_{seed}": judged[seed].mean() for seed in judged.columns}
        causes = right.filter(pl.col("right").is_null(), arm=arm)["reason"].fill_null("no score").value_counts().rows()
        values |= {f"unjudged_{arm}_{metrics.key(cause)}": count for cause, count in causes}
    return values


def compare(
    right: pl.DataFrame, questions: pl.DataFrame, arms: Mapping[str, Arm], params: CompareParams
) -> dict[str, metrics.Value]:
    """Return the verdict, the accuracies, and each contender's difference to rag, over all questions and in each group.

    `right` as in `by_seed`; `questions`: question_id, answerable, document (null: of its own). `verdict` is about the
    answerable questions: tuned, rag, undecided, or none for the `verdict_reason`; `verdict_unanswerable` is about declining.
    """
    questions = questions.with_columns(document=pl.coalesce("document", "question_id"))
    values: dict[str, metrics.Value] = {"n_questions": len(questions)} | accuracies(right, arms)
    values["n_seeds"] = right.filter(arm=CANDIDATE)["seed"].n_unique()
    for arm in contenders(arms):
        if overall := difference(right, questions, arm):
            values |= overall.named(f"{arm}_minus_rag")
    for group, is_answerable in GROUPS.items():
        part = questions.filter(answerable=is_answerable)
        values |= {f"n_{group}": len(part)} | _group(right, part, arms, group)
    answerable = questions.filter(answerable=True)
    values |= {"n_documents": answerable["document"].n_unique(), "document_correlation": correlation(right, answerable)}
    return values | _verdicts(right, questions, values, params)


def _group(
    right: pl.DataFrame, questions: pl.DataFrame, arms: Mapping[str, Arm], group: str
) -> dict[str, metrics.Value]:
    values: dict[str, metrics.Value] = {}
    if not len(questions):
        return values
    rows = right.join(questions.select("question_id"), "question_id")
    for arm in arms:
        values[f"{group}_{arm}"] = rows.filter(arm=arm)["right"].mean()
    for arm in contenders(arms):
        if part := difference(rows, questions, arm):
            values |= part.named(f"{group}_{arm}_minus_rag")
    return values


def _verdicts(
    right: pl.DataFrame, questions: pl.DataFrame, values: Mapping, params: CompareParams
) -> dict[str, metrics.Value]:
    """Return the verdict of each group with its reason, and how many questions see POINTS and the difference seen."""
    verdicts: dict[str, metrics.Value] = {}
    for is_answerable in GROUPS.values():
        part = questions.filter(answerable=is_answerable)
        if not len(part):
            continue
        end = "" if is_answerable else "_unanswerable"
        tuned = difference(right, part, CANDIDATE)
        name, reason = _verdict(tuned, len(part), values, params)
        verdicts |= {f"verdict{end}": name, f"verdict{end}_reason": reason}
        if tuned and is_answerable:
            verdicts |= {"n_discordant": tuned.n_discordant, "least_difference": stats.least_difference(tuned)}
            verdicts |= {f"questions_for_{points}_points": stats.sample_size(tuned, points / 100) for points in POINTS}
            verdicts["questions_for_this"] = stats.sample_size(tuned, tuned.interval.value)
            farther = max(tuned.interval.lo, tuned.interval.hi, key=abs)
            verdicts["questions_for_the_most"] = stats.sample_size(tuned, farther)
    return {"verdict": "none", "verdict_reason": "no answerable questions"} | verdicts


def _verdict(tuned: stats.Difference | None, n: int, values: Mapping, params: CompareParams) -> tuple[str, str | None]:
    """Return the verdict on a group of `n` questions, and its reason where there is none or too few differ."""
    of_oracle = values.get(f"unjudged_{ORACLE}", 0)  # too few are no measure of the student either
    if (
        tuned is None
        or tuned.n < (1 - params.most_unjudged) * n
        or of_oracle > params.most_unjudged * values["n_answerable"]
    ):
        return "none", "unjudged"
    if (
        values.get(f"answerable_{ORACLE}", 1) is not None
        and values.get(f"answerable_{ORACLE}", 1) < params.least_oracle
    ):
        return "none", "too weak"
    if tuned.p >= 0.05:
        return "undecided", None
    if tuned.n_discordant < params.least_discordant:
        return "undecided", "few"
    return (CANDIDATE if tuned.interval.value > 0 else BASELINE), None
