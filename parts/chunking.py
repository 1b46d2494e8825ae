"""Cut documents into passages that know where they came from."""

from collections.abc import Callable

import polars as pl
from pydantic import BaseModel, Field

from parts import passages
from schemas.chunks import Chunks


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `chunk` of params.yaml."""

    max_tokens: int = Field(ge=16)  # of one passage, by the student's tokenizer


def chunk(documents: pl.DataFrame, max_tokens: int, count: Callable[[str], int]) -> pl.DataFrame:
    """Return the passages of `documents`, each of at most `max_tokens` by `count`."""
    rows = []
    for document in documents.iter_rows(named=True):
        for number, passage in enumerate(passages.cut(document["title"], document["text"], max_tokens, count), 1):
            row = vars(passage) | {"doc_id": document["doc_id"], "n_tokens": count(passage.text)}
            rows.append(row | {"chunk_id": f"{document['doc_id']}#{number:03}"})
    return Chunks.frame(rows)
