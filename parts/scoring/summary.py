"""Summarise an arm's scores: means, versions, abstentions by cause, and hallucination rates."""

import re
from collections.abc import Sequence

import polars as pl

from parts.scoring import choice, ragas
from parts.text import answer_format

CORRECTNESS = ("exact", "choice", "judge")
"""Scorers of correctness."""


def summarise(scores: pl.DataFrame) -> dict[str, float | int | str | None]:
    """Return the mean and version of each scorer, and the number of its abstentions, in all and by cause.

    Keys are NAME, NAME_version, NAME_n_null and NAME_null_CAUSE. choice_attempted is the share (0..1) of the questions
    with options whose response names exactly one.
    """
    summary: dict[str, float | int | str | None] = {}
    for (name,), rows in scores.sort("scorer", "version").group_by("scorer", maintain_order=True):
        summary[name] = rows["value"].mean()
        summary[f"{name}_version"] = ", ".join(rows["version"].unique(maintain_order=True))
        summary[f"{name}_n_null"] = rows["value"].null_count()
        for cause, count in rows.filter(pl.col("value").is_null())["reason"].value_counts().rows():
            summary[f"{name}_null_{re.sub(r'[^a-z0-9]+', '_', (cause or 'unknown').lower()).strip('_')}"] = count
    chosen = scores.filter(scorer="choice")
    if len(chosen):
        summary["choice_attempted"] = 1 - (chosen["reason"] == choice.UNPARSED).sum() / len(chosen)
    return summary


def describe_means(scores: pl.DataFrame) -> str:
    """Return the mean of each scorer in a phrase; where it abstained, with how many of the answers the mean is over.

    A scorer that is undefined for the arm is left out.
    """
    phrases = []
    for (name,), rows in scores.sort("scorer").group_by("scorer", maintain_order=True):
        n = rows["value"].count()
        if n or set(rows["reason"]) != {ragas.NOT_SHOWN}:
            mean = f"{rows['value'].mean():.3f}" if n else "none"
            phrases.append(f"{name} {mean}" + (f" ({n} of {len(rows)})" if n < len(rows) else ""))
    return ", ".join(phrases)


def by_answerable(rows: Sequence[dict], scores: pl.DataFrame) -> dict[str, float | None]:
    """Return the mean of each scorer of CORRECTNESS over the questions of `rows` that the documents answer, and the others.

    Keys are NAME_answerable and NAME_unanswerable; None: no such question.
    """
    answerable = pl.col("question_id").is_in({row["question_id"] for row in rows if row["answerable"]})
    names = [name for name in CORRECTNESS if name in scores["scorer"]]
    groups = (("answerable", answerable), ("unanswerable", ~answerable))
    return {
        f"{name}_{group}": scores.filter(is_in_group, scorer=name)["value"].mean()
        for name in names
        for group, is_in_group in groups
    }


def hallucination_rates(rows: Sequence[dict], scores: pl.DataFrame) -> dict[str, float | int | None]:
    """Return the hallucination rates (0..1) of `rows` (question_id, seed, answerable, response) with their Scores.

    unanswerable_answered_rate: share of the unanswerable questions that were answered. unanswerable_unclear_rate: share of
    them with neither a refusal nor an answer (empty, hedged, or with words of a refusal). confident_error_rate: share of
    the answerable questions with a wrong answer (right by none of CORRECTNESS) without a hedge. None: no such question.
    """
    is_right = pl.col("scorer").is_in(CORRECTNESS), pl.col("value") > 0
    right = set(scores.filter(*is_right).select("question_id", "seed").rows())
    answered = [row for row in rows if answer_format.extract_answer(row["response"])]
    not_refused = [row for row in answered if not row["answerable"] and not answer_format.is_refusal(row["response"])]
    wrong = [row for row in answered if row["answerable"] and (row["question_id"], row["seed"]) not in right]
    unhedged = [row for row in wrong if not answer_format.is_hedged(row["response"])]
    unclear = [row for row in rows if not row["answerable"] and answer_format.is_unclear(row["response"])]
    answerable = sum(row["answerable"] for row in rows)
    unanswerable = len(rows) - answerable
    return {
        "unanswerable_answered_rate": len(not_refused) / unanswerable if unanswerable else None,
        "unanswerable_unclear_rate": len(unclear) / unanswerable if unanswerable else None,
        "confident_error_rate": len(unhedged) / answerable if answerable else None,
    }
