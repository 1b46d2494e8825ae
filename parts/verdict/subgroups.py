"""What an arm is worth on some questions and on others: by their kind, and by whether what answers them was studied."""

import math

import polars as pl

from parts.project.metrics import Value
from parts.verdict import stats

FEW = 20
"""Questions of a group below which its interval is not shown: benchmarks/stats.py has how often it would hold."""


def effects(right: pl.DataFrame, groups: pl.DataFrame, resamples: int, seed: int) -> dict[str, Value]:
    """Return for each group of questions its size, each arm's accuracy, and tuned minus rag with its interval.

    `groups`: question_id, group. The interval is null below FEW questions. `mcnemar_p` is adjusted for being one of
    several: a group has a winner when that is below 0.05 and its interval leaves nought out.
    """
    arms = [name for name in right.columns if name != "question_id"]
    parts = right.join(groups, "question_id", validate="1:1").partition_by("group", as_dict=True)
    found: dict[str, Value] = {}
    for (group,), part in parts.items():
        gap = stats.paired_difference_ci(part["tuned"], part["rag"], resamples, seed)
        if len(part) < FEW:
            gap = stats.Interval(gap.value, math.nan, math.nan)
        found |= {f"{group}_{arm}": part[arm].mean() for arm in arms} | {f"{group}_n": len(part)}
        found |= gap.named(f"{group}_tuned_minus_rag")
    chances = stats.benjamini_hochberg([stats.mcnemar(part["tuned"], part["rag"]) for part in parts.values()])
    return found | {f"{group}_mcnemar_p": p for (group,), p in zip(parts, chances, strict=True)}


def by_kind(questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and group: the kind of the question."""
    return questions.select("question_id", group="kind")


def by_study(questions: pl.DataFrame, chunks: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and group: studied, unstudied, or no_evidence where it is not known what answers it.

    A document is studied if a row to train on came from it; a question is, if every piece of its evidence stands in
    such a document.
    """
    learnt = set(pairs.filter(pl.col("split") == "train")["doc_id"].drop_nulls())
    known = {chunk_id for chunk_id, doc_id in chunks.select("chunk_id", "doc_id").rows() if doc_id in learnt}

    def group(gold: list[list[str]]) -> str:
        if not gold:
            return "no_evidence"
        return "studied" if all(known.intersection(piece) for piece in gold) else "unstudied"

    named = [
        (question_id, group(gold)) for question_id, gold in questions.select("question_id", "gold_chunk_ids").rows()
    ]
    return pl.DataFrame(named, {"question_id": pl.String, "group": pl.String}, orient="row")
