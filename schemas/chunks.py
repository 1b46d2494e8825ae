"""The passages that documents are cut into."""

import pandera.polars as pa
import polars as pl

from schemas.table import Table


class Chunks(Table, path="data/chunks.parquet", key=("doc_id", "start")):
    """One row per passage.

    `text` is documents.text[start:end], in characters, half-open. Passages of one document do not overlap.
    """

    chunk_id: str = pa.Field(unique=True)  # the document and the passage's number in it, e.g. "leave.pdf#003"
    doc_id: str
    start: int = pa.Field(ge=0)
    end: int = pa.Field(gt=0)
    page: int = pa.Field(ge=1)  # of its first character
    heading: str  # the document's title, the headings above, and the header row of a table that it begins in, joined by " > "
    text: str = pa.Field(str_length={"min_value": 1})
    language: str = pa.Field(nullable=True)  # of its document, ISO 639, e.g. "en"; null: its text does not tell
    n_tokens: int = pa.Field(gt=0)  # by the embedder's tokenizer

    @pa.dataframe_check
    def ends_after_it_starts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Check that every passage has at least one character."""
        return data.lazyframe.select(pl.col("start") < pl.col("end"))
