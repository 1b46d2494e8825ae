"""Retrieve by meaning: the passages whose vectors are nearest to the question's, from pgvector."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from parts import store
from parts.embedder import Embedder
from parts.search import Index
from parts.store import Params
from schemas.contexts import Contexts


def retrieve(questions: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return the `depth` nearest passages of each question."""
    ids, asked = questions["question_id"].to_list(), questions["question"].to_list()
    with indexed(chunks, params) as index:
        rows = [
            {"question_id": question_id, "rank": rank, "chunk_id": chunk_id, "score": score}
            for question_id, question, vector in zip(ids, asked, index.embed(asked), strict=True)
            for rank, (chunk_id, score) in enumerate(index.search(question, vector), 1)
        ]
    return Contexts.frame(rows)


@contextmanager
def indexed(chunks: pl.DataFrame, params: Params) -> Iterator[Index]:
    """Yield the index of `chunks` by heading and text; passages that it already holds are not embedded again."""
    embed = Embedder(params.embedder)
    table = f"passages_{params.embedder}"
    texts = {row["chunk_id"]: f"{row['heading']}\n{row['text']}" for row in chunks.iter_rows(named=True)}
    with store.connect() as kept:
        kept.index(table, texts, embed, embed.width)
        yield Index(embed, lambda question, vector: kept.nearest(table, vector, params.depth))
