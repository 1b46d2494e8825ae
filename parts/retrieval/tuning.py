"""Choose retrieval settings on development questions."""

from collections.abc import Sequence
from statistics import mean, stdev

from parts.retrieval.index import Hits


def reciprocal_ranks(gold: Sequence[list[list[str]]], hits: Sequence[Hits]) -> list[float]:
    """Return the mean reciprocal rank of the pieces of evidence of each question that has any.

    A piece has the rank of the first of its passages in `gold`; 0 where none is among the hits.
    """
    ranks = [{chunk_id: rank for rank, (chunk_id, _) in enumerate(row, 1)} for row in hits]
    return [
        mean(max(1 / rank[chunk_id] if chunk_id in rank else 0.0 for chunk_id in piece) for piece in pieces)
        for pieces, rank in zip(gold, ranks, strict=True)
        if pieces
    ]


def best(scores: dict[float, list[float]]) -> float:
    """Return the first value with a mean score within one standard error of the best mean, from value -> scores.

    The one-standard-error rule (Breiman et al. 1984): between values without a clear difference the first is chosen.
    """
    top = max(scores.values(), key=mean)
    error = stdev(top) / len(top) ** 0.5 if len(top) > 1 else 0.0
    return next(value for value, row in scores.items() if mean(row) >= mean(top) - error)
