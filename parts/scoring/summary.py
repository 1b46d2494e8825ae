"""Sum up an arm's scores: means, what was abstained from and why, versions, and answers that were made up."""

import re
from collections.abc import Sequence

import polars as pl

from parts.project import answer_format
from parts.scoring import choice

CORRECTNESS = ("exact", "choice", "judge")
"""Scorers that say whether an answer is right."""


def summarise(scores: pl.DataFrame) -> dict[str, float | int | str | None]:
    """Return of each scorer its mean, its version, and on how many questions it abstained, in all and by cause.

    Keys are NAME, NAME_version, NAME_n_null and NAME_null_CAUSE; choice_attempted is the share of the questions with
    options whose responses could be read.
    """
    found: dict[str, float | int | str | None] = {}
    for (name,), rows in scores.sort("scorer", "version").group_by("scorer", maintain_order=True):
        found[name] = rows["value"].mean()
        found[f"{name}_version"] = ", ".join(rows["version"].unique(maintain_order=True))
        found[f"{name}_n_null"] = rows["value"].null_count()
        for cause, count in rows.filter(pl.col("value").is_null())["reason"].value_counts().rows():
            found[f"{name}_null_{re.sub(r'[^a-z0-9]+', '_', (cause or 'unknown').lower()).strip('_')}"] = count
    chosen = scores.filter(scorer="choice")
    if len(chosen):
        found["choice_attempted"] = 1 - (chosen["reason"] == choice.UNPARSED).sum() / len(chosen)
    return found


def hallucination_rates(rows: Sequence[dict], scores: pl.DataFrame) -> dict[str, float | int | None]:
    """Return how often an arm made something up, from `rows` (question_id, answerable, response) and their Scores.

    unanswerable_answered_rate: share of the unanswerable questions that were answered. confident_error_rate: share of
    the answerable ones that were answered wrongly (right by none of CORRECTNESS) and without a hedge. Null: no such
    question.
    """
    judged = scores.filter(pl.col("scorer").is_in(CORRECTNESS), pl.col("value") > 0)
    right = set(judged["question_id"])
    given = [row for row in rows if answer_format.extract_answer(row["response"])]
    anyway = [row for row in given if not row["answerable"] and not answer_format.is_refusal(row["response"])]
    wrong = [row for row in given if row["answerable"] and row["question_id"] not in right]
    unhedged = [row for row in wrong if not answer_format.is_hedged(row["response"])]
    answerable = sum(row["answerable"] for row in rows)
    unanswerable = len(rows) - answerable
    return {
        "unanswerable_answered_rate": len(anyway) / unanswerable if unanswerable else None,
        "confident_error_rate": len(unhedged) / answerable if answerable else None,
    }
