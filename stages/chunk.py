"""Cut each document into passages.

reads   Documents           one row per document
writes  Chunks              one row per passage
"""

from collections.abc import Callable

import polars as pl
from pydantic import BaseModel, Field

from parts import metrics, params, passages
from parts.errors import run
from parts.student import Student, tokenizer
from schemas.chunks import Chunks
from schemas.documents import Documents


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


def main() -> None:
    """Write Chunks."""
    given = params.load("chunk", Params)
    encode = tokenizer(params.load("student", Student))
    chunks = chunk(
        Documents.read(), given.max_tokens, lambda text: len(encode(text, add_special_tokens=False).input_ids)
    )
    Chunks.write(chunks)
    metrics.write("chunk", {"passages": len(chunks), "tokens": int(chunks["n_tokens"].sum())})
    print(f"{len(chunks)} passages, {chunks['n_tokens'].sum():,} tokens")


if __name__ == "__main__":
    run(main)
