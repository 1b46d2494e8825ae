"""Compare the exam with the training rows: whose fact some row asks, and what some row asks in nearly the same words."""

import itertools
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import polars as pl

from parts.text.words import names, words

Embed = Callable[[list[str]], np.ndarray]
"""texts -> unit vectors, (n, width)"""


def exam_overlap(questions: pl.DataFrame, rows: pl.DataFrame, embed: Embed) -> pl.DataFrame:
    """Return, for each of Questions, what the questions among the training rows (Pairs or raw rows) have of it.

    Columns: question_id, kind, answerable, asked (a row from one of its gold passages has its answer; null: no gold
    passage is known), similarity (cosine to the nearest row by meaning that has all of its names and numbers, -1..1;
    null: there is no such row) and pair_id of that row.
    """
    rows = rows.filter(pl.col("generator") != "replay", kind="qa").sort("pair_id")
    exam = questions.sort("question_id")
    nearest = _nearest(exam["question"].to_list(), rows["prompt"].to_list(), embed)
    pair_ids = rows["pair_id"].to_list()
    return exam.select(
        "question_id",
        "kind",
        "answerable",
        asked=pl.Series(_asked(exam, rows), dtype=pl.Boolean),
        similarity=pl.Series([similarity for _, similarity in nearest], dtype=pl.Float64),
        pair_id=pl.Series([None if row is None else pair_ids[row] for row, _ in nearest], dtype=pl.String),
    )


def overlap_shares(overlap: pl.DataFrame, threshold: float) -> dict[str, float | int | None]:
    """Return the share of questions whose fact a row asks, and of those near a row by meaning, whole and by kind.

    `overlap` is as from `exam_overlap`, `threshold` a cosine. A share of no questions is null.
    """
    near = pl.col("similarity").fill_null(-1) >= threshold
    shares = overlap.select(
        asked_share=pl.col("asked").mean(), near_share=near.mean(), similarity_median=pl.col("similarity").median()
    ).row(0, named=True)
    by_kind = overlap.group_by("kind").agg(pl.col("asked").mean(), near.mean().alias("near")).sort("kind").rows()
    for kind, asked, near_kind in by_kind:
        suffix = kind.replace(" ", "_")
        shares |= {f"asked_share_{suffix}": asked, f"near_share_{suffix}": near_kind}
    return shares | {"questions": len(overlap), "questions_with_gold": int(overlap["asked"].is_not_null().sum())}


def _asked(exam: pl.DataFrame, rows: pl.DataFrame) -> list[bool | None]:
    """Return for each question whether a row from one of its gold passages has its answer, or one that contains it."""
    answers: dict[str, set[str]] = defaultdict(set)
    for chunk_id, completion in rows.select("chunk_id", "completion").rows():
        answers[chunk_id].add(_padded(completion))
    asked = []
    for references, pieces in exam.select("references", "gold_chunk_ids").rows():
        of_rows = {answer for piece in pieces for chunk in piece for answer in answers[chunk]}
        of_exam = {_padded(reference) for reference in references}
        is_asked = any(one in other or other in one for one, other in itertools.product(of_exam, of_rows))
        asked.append(is_asked if pieces else None)
    return asked


def _padded(text: str) -> str:
    return f" {' '.join(words(text))} "


def _nearest(questions: list[str], prompts: list[str], embed: Embed) -> list[tuple[int | None, float | None]]:
    """Return for each question the index of the nearest prompt with its names and numbers, and the cosine."""
    distinct = list(dict.fromkeys(prompts))
    if not distinct or not questions:
        return [(None, None)] * len(questions)
    first = {prompt: index for index, prompt in reversed(list(enumerate(prompts)))}
    similarities, name_sets = embed(questions) @ embed(distinct).T, [_names(prompt) for prompt in distinct]
    nearest = []
    for question, row in zip(questions, similarities, strict=True):
        wanted = _names(question.split(" ", 1)[-1])  # without the first word: its capital does not make it a name
        among = np.array([wanted <= name_set for name_set in name_sets])
        best = int(np.argmax(np.where(among, row, -np.inf)))
        nearest.append((first[distinct[best]], float(row[best])) if among.any() else (None, None))
    return nearest


def _names(text: str) -> frozenset[str]:
    return frozenset(name.lower() for name in names(text))
