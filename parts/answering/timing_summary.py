"""Sample the questions to time by kind, and summarise their timings: latencies, what an answer is charged, what is saved."""

import math
import random
from collections.abc import Mapping, Sequence

import polars as pl

from parts.answering.timing import STEPS, Row, TimedQuestion

Shares = Mapping[str, float]
"""kind of question -> its share of the exam"""


def sample(questions: Sequence[TimedQuestion], n: int, seed: int) -> list[TimedQuestion]:
    """Return about `n` of `questions` in a random order: of every kind its share, and one at least."""
    by_kind: dict[str, list[TimedQuestion]] = {}
    for question in sorted(questions):
        by_kind.setdefault(question.kind, []).append(question)
    rng, chosen = random.Random(seed), []
    for members in by_kind.values():
        chosen += rng.sample(members, min(len(members), max(1, round(n * len(members) / len(questions)))))
    rng.shuffle(chosen)
    return chosen


def kind_shares(questions: Sequence[TimedQuestion]) -> dict[str, float]:
    """Return the share of each kind among `questions`."""
    kinds = [question.kind for question in questions]
    return {kind: kinds.count(kind) / len(kinds) for kind in sorted(set(kinds))}


def summary(rows: Sequence[Row], shares: Shares) -> dict[str, float]:
    """Return one arm's milliseconds: on the wall p50, p95 and mean, and p50 of each step; and what an answer is charged.

    Means are of the exam's mix of kinds, `shares`; medians are of the rows.
    """
    table = pl.DataFrame(rows)
    values = {f"{step}_p50_ms": table[step].median() for step in STEPS}
    values |= {"p50_ms": table["whole"].median(), "p95_ms": table["whole"].quantile(0.95, "linear")}
    values |= {"mean_ms": _mean(table, "whole", shares), "charged_ms": _mean(table, "charged", shares)}
    values["charged_retrieval_ms"] = _mean(table, "charged_retrieval", shares)
    return values | {"charged_mean_over_median": table["charged"].mean() / table["charged"].median()}


def saving(
    rows: Sequence[Row], candidate: str, baseline: str, column: str, shares: Shares
) -> tuple[float, float, float]:
    """Return the milliseconds of `column` that an answer by `candidate` takes less than by `baseline`: mean, lo, hi.

    The 95% interval is Student's t over questions (within their kinds) and rounds: the variance of the mean is the sum of
    both, its degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946). NaN where one round, or one question of
    each kind, leaves a variance unknown.
    """
    from scipy.stats import t

    by_arm = pl.DataFrame(rows).pivot("arm", index=["round", "question_id", "kind"], values=column)
    saved = by_arm.with_columns(saved=pl.col(baseline) - pl.col(candidate))
    questions = saved.group_by("question_id", "kind").agg(pl.col("saved").mean())
    rounds = [_mean(part, "saved", shares) for part in saved.partition_by("round")]
    of_questions, df_questions = _variance_over_questions(questions, shares)
    of_rounds = pl.Series(rounds).var() / len(rounds) if len(rounds) > 1 else math.nan
    mean, variance = _mean(questions, "saved", shares), of_questions + of_rounds
    if not (math.isfinite(variance) and variance):
        return mean, *((mean, mean) if variance == 0 else (math.nan, math.nan))
    df = variance**2 / (of_questions**2 / df_questions + of_rounds**2 / (len(rounds) - 1))
    half = float(t.ppf(0.975, df)) * math.sqrt(variance)
    return mean, mean - half, mean + half


def _mean(table: pl.DataFrame, column: str, shares: Shares) -> float:
    """Return the mean of `column` over kinds, weighted by `shares`."""
    by_kind = dict(table.group_by("kind").agg(pl.col(column).mean()).rows())
    return sum(shares[kind] * mean for kind, mean in by_kind.items()) / sum(shares[kind] for kind in by_kind)


def _variance_over_questions(questions: pl.DataFrame, shares: Shares) -> tuple[float, int]:
    """Return the variance of the stratified mean of `saved`, and its degrees of freedom; NaN where no kind has two.

    A kind of one question is taken to vary as the others do, pooled.
    """
    kinds = questions.group_by("kind").agg(n=pl.len(), variance=pl.col("saved").var()).sort("kind")
    df = int((kinds["n"] - 1).sum())
    if not df:
        return math.nan, 0
    pooled = (kinds["variance"].fill_null(0) * (kinds["n"] - 1)).sum() / df
    terms = kinds.with_columns(share=pl.col("kind").replace_strict(dict(shares), return_dtype=pl.Float64))
    of_kinds = terms["share"] ** 2 * terms["variance"].fill_null(pooled) / terms["n"]
    return float(of_kinds.sum()), df
