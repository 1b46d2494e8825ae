"""Show what the teacher did not cover: which spans of which documents no kept row came from."""

import polars as pl

from parts.project.queries import query, select


def uncovered_passages(chunks: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the passages of `chunks` without a row: document, covered_percent (of it), start, end, heading, why."""
    return select(query("coverage"), chunks=chunks, ledger=ledger)
