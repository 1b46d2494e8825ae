"""Retrieve by words and by meaning: full text and vectors in one statement, fused by reciprocal rank."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts.retrieval import postgres, tuned_settings
from parts.retrieval.index import Index
from parts.retrieval.postgres import Params


def retrieve(questions: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return the best `depth` passages for each question."""
    with indexed(chunks, params) as index:
        return index.contexts(questions)


@contextmanager
def indexed(chunks: pl.DataFrame, params: Params) -> Iterator[Index]:
    """Yield the index of `chunks` by words and vectors; words count as much as the stage `tune_retrieval` found best."""
    weight = tuned_settings.read().lexical_weight
    with postgres.open_store(chunks, params) as held:
        yield Index(held.embed, lambda question, vector: held.fused(question, vector, weight))
