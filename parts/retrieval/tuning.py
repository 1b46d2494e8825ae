"""Choose settings of retrieval on development questions."""

from collections.abc import Mapping
from statistics import mean, stdev

import polars as pl

from parts.retrieval.contexts import Passage
from parts.retrieval.index import Hits
from parts.scoring import exact

DevelopmentQuestions = list[tuple[str, str, str]]
"""(question, answer, id of the passage it was written from)"""


def development(pairs: pl.DataFrame, texts: Mapping[str, Passage], most: int) -> DevelopmentQuestions:
    """Return up to `most` of the teacher's questions that were kept, one a fact, drawn by their ids, which are hashes.

    Who writes a question from a passage borrows its words, and who does not know the passage cannot: of the wordings of a
    fact the one that shares the fewest words with its passage is taken. None is in the exam: curation drops what is near
    it. That a student studied them changes nothing here, where only the released student answers.
    """
    kept = pairs.filter(pl.col("kind") == "qa", pl.col("generator") != "replay")
    rows = kept.select("prompt", "completion", "chunk_id", "pair_id").rows()
    shared = {prompt: _shared(prompt, " ".join(texts[chunk_id])) for prompt, _, chunk_id, _ in rows}
    facts: dict[tuple[str, str], tuple[str, str]] = {}
    for prompt, answer, chunk_id, pair_id in sorted(rows, key=lambda row: (shared[row[0]], row[3])):
        facts.setdefault((chunk_id, answer), (pair_id, prompt))
    drawn = sorted((pair_id, prompt, answer, chunk_id) for (chunk_id, answer), (pair_id, prompt) in facts.items())
    return [(prompt, answer, chunk_id) for _, prompt, answer, chunk_id in drawn[:most]]


def _shared(question: str, passage: str) -> int:
    return len({*exact.words(question)} & {*exact.words(passage)})


def reciprocal_ranks(asked: DevelopmentQuestions, hits: list[Hits]) -> list[float]:
    """Return for each question the reciprocal rank of the passage that it was written from."""
    ranks = [{chunk_id: rank for rank, (chunk_id, _) in enumerate(of, 1)} for of in hits]
    return [1 / rank[gold] if gold in rank else 0.0 for (_, _, gold), rank in zip(asked, ranks, strict=True)]


def best(scores: dict[float, list[float]]) -> float:
    """Return the first value whose mean score is less than one standard error below the best one's.

    The one-standard-error rule (Breiman 1984): what the questions cannot tell apart is left to the order of the values.
    """
    top = max(scores.values(), key=mean)
    error = stdev(top) / len(top) ** 0.5 if len(top) > 1 else 0.0
    return next(value for value, of in scores.items() if mean(of) >= mean(top) - error)
