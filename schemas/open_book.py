"""The training questions that are put with passages."""

import pandera.polars as pa

from schemas.table import Table


class OpenBook(Table, path="data/open_book.parquet", key=("pair_id", "rank")):
    """One row per training question and rank: the passage shown with it at this rank. Rank 1 is the best."""

    pair_id: str
    rank: int = pa.Field(ge=1)
    chunk_id: str
