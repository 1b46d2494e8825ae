"""The passages that a retriever returns for each question."""

import pandera.polars as pa

from schemas.table import Table


class Contexts(Table, path="data/contexts/{}.parquet", key=("question_id", "rank")):
    """One row per question and rank: the passage that a retriever put at this rank. Rank 1 is the best."""

    question_id: str
    rank: int = pa.Field(ge=1)
    chunk_id: str
    score: float  # higher is nearer
