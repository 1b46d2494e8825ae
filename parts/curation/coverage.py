"""Find the passages that no kept training row was made from."""

import polars as pl

from parts.project.queries import query, select


def uncovered_passages(chunks: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the passages of `chunks` without a kept row in `ledger`.

    Columns: document, covered_percent (of the document's characters, 0..100), start, end, heading, why.
    """
    return select(query("coverage"), chunks=chunks, ledger=ledger)
