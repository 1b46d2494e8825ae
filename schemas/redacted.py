"""The passages as a teacher may see them."""

from schemas.chunks import Chunks


class Redacted(Chunks, path="data/redacted.parquet", key=("doc_id", "start")):
    """One row per passage: Chunks with stand-ins in `heading` and `text` for what is private.

    start, end and n_tokens are those of the passage itself.
    """
