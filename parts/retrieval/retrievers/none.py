"""Retrieve nothing, for closed-book arms."""

import polars as pl

from parts.retrieval.postgres import RetrieveParams
from schemas.contexts import Contexts


def retrieve(questions: pl.DataFrame, chunks: pl.DataFrame, params: RetrieveParams) -> pl.DataFrame:
    """Return no passage for any question."""
    return Contexts.frame([])
