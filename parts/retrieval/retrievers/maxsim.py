"""Hybrid retrieval, reranked by MaxSim: the mean, over a question's tokens, of the nearest token's cosine (Khattab and
Zaharia, ColBERT, 2020), by the embedder's own token vectors, so that no second model is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl

from parts.retrieval import postgres, tuned_settings
from parts.retrieval.index import Hits, Index
from parts.retrieval.postgres import RetrieveParams
from parts.retrieval.token_vectors import TokenVectors

WEIGHT = 0.5
"""of MaxSim, over the best passage's; the score of hybrid retrieval has the rest. Alone, MaxSim ranks worse (LOG.md)."""


@contextmanager
def indexed(chunks: pl.DataFrame, params: RetrieveParams) -> Iterator[Index]:
    """Yield the index of `chunks`, with the vectors of their tokens. Raises UserError if the embedder gives none."""
    weight = tuned_settings.read().lexical_weight
    with postgres.open_store(chunks, params) as store:
        tokens = TokenVectors(store)
        tokens.sync(chunks)

        def rerank(question: str, hits: Hits) -> Hits:
            (asked,) = store.embed.question_tokens([question])
            vectors = tokens.of([chunk_id for chunk_id, _ in hits])
            scores = [float((asked @ vectors[chunk_id].T).max(1).mean()) for chunk_id, _ in hits]
            return summed(hits, scores)

        yield Index(store.embed.questions, lambda question, vector: store.hybrid(question, vector, weight), rerank)


def summed(hits: Hits, scores: list[float]) -> Hits:
    """Return `hits` by the sum of their own scores and of `scores` over the best of them, each with its weight."""
    best = max(scores, default=0.0)
    parts = np.clip(scores, 0, None) / best if best > 0 else np.zeros(len(scores))
    both = [
        (chunk_id, float(WEIGHT * part + (1 - WEIGHT) * score))
        for (chunk_id, score), part in zip(hits, parts, strict=True)
    ]
    return sorted(both, key=lambda hit: (-hit[1], hit[0]))
