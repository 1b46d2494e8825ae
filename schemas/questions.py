"""The exam."""

import pandera.polars as pa
import polars as pl

from schemas.table import Table


class Questions(Table, path="data/questions.parquet", key=("question_id",)):
    """One row per exam question. No table that synthesis reads is made from this one."""

    question_id: str = pa.Field(unique=True)
    doc_id: str = pa.Field(nullable=True)  # the document that holds its answer; null: several, none or unknown
    kind: str  # fact, two_documents, reasoning, unanswerable, or what the file says
    question: str = pa.Field(str_length={"min_value": 1})
    options: pl.List(pl.String) = pa.Field(nullable=True)  # null: an open question
    references: pl.List(pl.String)  # right answers, any of them will do; empty: unanswerable
    answerable: bool
    gold_chunk_ids: pl.List(pl.List(pl.String))  # for each piece of evidence, its gold passages
