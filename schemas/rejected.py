"""The files that are no document."""

import pandera.polars as pa

from schemas.table import Table

REASONS = (
    "broken", "empty", "encrypted", "scan without text", "timed out", "too large", "unsupported", "wrong encoding",
)  # fmt: skip


class Rejected(Table, path="data/rejected.parquet", key=("path",)):
    """One row per file of the folder that is not in Documents."""

    path: str = pa.Field(str_length={"min_value": 1})  # below the folder read, e.g. "handbook/scan.pdf"
    reason: str = pa.Field(isin=REASONS)
    message: str  # what is wrong with the file, and what to do
