"""Compare the arms within groups of questions: by kind, and by whether their evidence was in the training data."""

from collections.abc import Iterable

import polars as pl

from parts.project.metrics import Value
from parts.verdict import comparison, stats

FEW = 20
"""Questions of a group below which its interval is not shown: benchmarks/stats.py has its coverage."""


def effects(
    right: pl.DataFrame, questions: pl.DataFrame, groups: pl.DataFrame, arms: Iterable[str]
) -> dict[str, Value]:
    """Return for each group of questions its size, each arm's accuracy, and tuned minus rag with its interval.

    `right` and `questions` as in `comparison.compare`; `groups`: question_id, group. The interval is null below FEW
    questions. The p-values are adjusted for the number of groups: a group has no winner unless its own is below 0.05.
    """
    parts = questions.join(groups, "question_id", validate="1:1").partition_by("group", as_dict=True)
    differences = {}
    values: dict[str, Value] = {}
    for (group,), part in parts.items():
        rows = right.join(part.select("question_id"), "question_id")
        values |= {f"{group}_{arm}": rows.filter(arm=arm)["right"].mean() for arm in arms} | {f"{group}_n": len(part)}
        if difference := comparison.difference(rows, part, "tuned"):
            differences[group] = difference
    adjusted = stats.benjamini_hochberg([difference.p for difference in differences.values()])
    for (group, difference), p in zip(differences.items(), adjusted, strict=True):
        key, interval = f"{group}_tuned_minus_rag", difference.interval
        values |= interval.named(key) if difference.n >= FEW else stats.Interval(interval.value, None, None).named(key)
        values[f"{key}_p"] = p
    return values


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
