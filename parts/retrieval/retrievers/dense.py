"""Dense retrieval: the passages with the vectors nearest to the question's, by pgvector."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts.retrieval import postgres
from parts.retrieval.index import Index
from parts.retrieval.postgres import RetrieveParams


@contextmanager
def indexed(chunks: pl.DataFrame, params: RetrieveParams) -> Iterator[Index]:
    """Yield the index of `chunks` by the vectors of heading and text."""
    with postgres.open_store(chunks, params) as store:
        yield Index(store.embed.questions, lambda question, vector: store.nearest(vector))
