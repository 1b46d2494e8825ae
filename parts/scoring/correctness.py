"""Which answers are right: by the chosen option where there are options, else by the scorer of `compare.accuracy`."""

import polars as pl

CHOICE = "choice"


def correct_answers(scores: pl.DataFrame, scorer: str) -> pl.DataFrame:
    """Return question_id, the scorer's version, right (null where the scorer abstained) and its reason, from Scores."""
    candidates = scores.filter(pl.col("scorer").is_in([CHOICE, scorer])).sort(
        pl.col("scorer") != CHOICE, maintain_order=True
    )
    chosen = candidates.unique("question_id", keep="first", maintain_order=True)
    return chosen.select("question_id", "version", "reason", right=pl.col("value") == 1)
