"""Hybrid retrieval: full text and vectors in one SQL statement, by a convex sum of their scores."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts.retrieval import postgres, tuned_settings
from parts.retrieval.index import Index
from parts.retrieval.postgres import RetrieveParams


@contextmanager
def indexed(chunks: pl.DataFrame, params: RetrieveParams) -> Iterator[Index]:
    """Yield the index of `chunks` by full text and vectors, with the lexical weight that `tune_retrieval` chose."""
    weight = tuned_settings.read().lexical_weight
    with postgres.open_store(chunks, params) as store:
        yield Index(store.embed.questions, lambda question, vector: store.hybrid(question, vector, weight))
