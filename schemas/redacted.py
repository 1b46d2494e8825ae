"""The passages as the teacher may see them."""

from schemas.chunks import Chunks


class Redacted(Chunks, path="data/redacted.parquet", key=("doc_id", "start")):
    """One row per passage: Chunks with placeholders for private values in `heading` and `text`.

    start, end and n_tokens are those of the passage itself.
    """
