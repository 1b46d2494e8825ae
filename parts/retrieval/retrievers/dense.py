"""Retrieve by meaning: the passages whose vectors are nearest to the question's, from pgvector."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts.retrieval import postgres
from parts.retrieval.index import Index
from parts.retrieval.postgres import Params


def retrieve(questions: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return the `depth` nearest passages of each question."""
    with indexed(chunks, params) as index:
        return index.contexts(questions)


@contextmanager
def indexed(chunks: pl.DataFrame, params: Params) -> Iterator[Index]:
    """Yield the index of `chunks` by the vectors of heading and text."""
    with postgres.open_store(chunks, params) as held:
        yield Index(held.embed, lambda question, vector: held.nearest(vector))
