"""Say which answers are right: by the option chosen where there are options, else by the scorer of `compare.accuracy`."""

import polars as pl

CHOICE = "choice"


def correct_answers(scores: pl.DataFrame, scorer: str) -> pl.DataFrame:
    """Return question_id, right (bool) and version of Scores; an answer that could not be scored is not right."""
    both = scores.filter(pl.col("scorer").is_in([CHOICE, scorer])).sort(pl.col("scorer") != CHOICE, maintain_order=True)
    found = both.unique("question_id", keep="first", maintain_order=True)
    return found.select("question_id", "version", right=pl.col("value").fill_null(0) == 1)
