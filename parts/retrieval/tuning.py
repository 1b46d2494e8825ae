"""Choose retrieval settings on development questions."""

from statistics import mean, stdev

import polars as pl

from parts.retrieval.ranking import ranks_by_question


def reciprocal_ranks(contexts: pl.DataFrame, questions: pl.DataFrame) -> list[float]:
    """Return the mean reciprocal rank in Contexts of the pieces of evidence of each of Questions that has any.

    A piece has the rank of the first of its gold passages; 0 where none is there.
    """
    gold = {key: pieces for key, pieces in questions.select("question_id", "gold_chunk_ids").iter_rows() if pieces}
    ranks = ranks_by_question(contexts, gold)
    return [
        mean(max(1 / ranks[key].get(chunk_id, float("inf")) for chunk_id in piece) for piece in pieces)
        for key, pieces in gold.items()
    ]


def best(scores: dict[float, list[float]]) -> float:
    """Return the first value with a mean score within one standard error of the best mean, from value -> scores.

    The one-standard-error rule (Breiman et al. 1984): between values without a clear difference the first is chosen.
    """
    top = max(scores.values(), key=mean)
    error = stdev(top) / len(top) ** 0.5 if len(top) > 1 else 0.0
    return next(value for value, row in scores.items() if mean(row) >= mean(top) - error)
