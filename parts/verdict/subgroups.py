"""Compare the arms within groups of questions: by kind, and by whether their evidence was in the training data."""

import math

import polars as pl

from parts.project.metrics import Value
from parts.verdict import stats

FEW = 20
"""Questions of a group below which its interval is not shown: benchmarks/stats.py has its coverage."""


def effects(right: pl.DataFrame, groups: pl.DataFrame, resamples: int, seed: int) -> dict[str, Value]:
    """Return for each group of questions its size, each arm's accuracy, and tuned minus rag with its interval.

    `right`: question_id and a column of 0 and 1 for each arm. `groups`: question_id, group. The interval is null below
    FEW questions. `mcnemar_p` is adjusted for the number of groups: a group has no winner unless it is below 0.05 and
    the 95% interval excludes 0.
    """
    arms = [name for name in right.columns if name != "question_id"]
    parts = right.join(groups, "question_id", validate="1:1").partition_by("group", as_dict=True)
    values: dict[str, Value] = {}
    for (group,), part in parts.items():
        difference = stats.paired_difference_ci(part["tuned"], part["rag"], resamples, seed)
        if len(part) < FEW:
            difference = stats.Interval(difference.value, math.nan, math.nan)
        values |= {f"{group}_{arm}": part[arm].mean() for arm in arms} | {f"{group}_n": len(part)}
        values |= difference.named(f"{group}_tuned_minus_rag")
    pvalues = stats.benjamini_hochberg([stats.mcnemar(part["tuned"], part["rag"]) for part in parts.values()])
    return values | {f"{group}_mcnemar_p": p for (group,), p in zip(parts, pvalues, strict=True)}


def by_kind(questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and group: the kind of the question."""
    return questions.select("question_id", group="kind")


def by_study(questions: pl.DataFrame, chunks: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and group: studied, unstudied, or no_evidence where a question has no gold passages.

    A document is studied if a training row came from it; a question, if every piece of its evidence is in such a
    document.
    """
    doc_ids = set(pairs.filter(pl.col("split") == "train")["doc_id"].drop_nulls())
    studied = {chunk_id for chunk_id, doc_id in chunks.select("chunk_id", "doc_id").rows() if doc_id in doc_ids}

    def group(gold: list[list[str]]) -> str:
        if not gold:
            return "no_evidence"
        return "studied" if all(studied.intersection(piece) for piece in gold) else "unstudied"

    rows = [
        (question_id, group(gold)) for question_id, gold in questions.select("question_id", "gold_chunk_ids").rows()
    ]
    return pl.DataFrame(rows, {"question_id": pl.String, "group": pl.String}, orient="row")
