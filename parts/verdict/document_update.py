"""Measure what a change of one document takes: edit it, see which passages differ, teach and index those again."""

import re
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import polars as pl

from parts.generators.shared.base import evenly_spread, load_generator
from parts.llm import jobs
from parts.llm.budget import Meter
from parts.llm.client import connect
from parts.project.sections import Server
from parts.retrieval.index import Index

SAMPLE = 200  # passages that embedding is timed on, at most
_NUMBER = re.compile(r"^#.*$|(?<![\w.,:/-])(\d{1,9})(?![\w:/-]|[.,]\d)", re.MULTILINE)
"""a heading, which is to be skipped, or (group 1) a number that stands alone"""

Indexed = Callable[[pl.DataFrame, Any], AbstractContextManager[Index]]
"""`indexed` of a retriever"""


def edit_document(documents: pl.DataFrame) -> pl.DataFrame:
    """Return Documents with one edit in the one of middle length: the number nearest its middle is one more.

    Where it has no number, it gets a sentence more at its end.
    """
    middle = documents.sort(pl.col("text").str.len_chars(), "doc_id").row(len(documents) // 2, named=True)
    text = middle["text"]
    numbers = [found for found in _NUMBER.finditer(text) if found[1]]
    if numbers:
        nearest = min(numbers, key=lambda found: abs(found.start() - len(text) // 2))
        text = f"{text[: nearest.start()]}{int(nearest[1]) + 1}{text[nearest.end() :]}"
    else:
        text = f"{text}\n\nThis has changed since."
    here = pl.col("doc_id") == middle["doc_id"]
    return documents.with_columns(text=pl.when(here).then(pl.lit(text)).otherwise("text"))


async def teach(passages: pl.DataFrame, generators: Iterable[str], server: Server) -> tuple[Meter, float]:
    """Ask the teacher about `passages` as synthesis does; return what it took, kept answers included, and seconds."""
    start = time.perf_counter()
    async with connect(server) as teacher:
        for name in generators:
            make, knobs = load_generator(name)
            asking = [
                lambda row=row, make=make, knobs=knobs: make(row["heading"], row["text"], teacher.ask, knobs)
                for row in passages.iter_rows(named=True)
            ]
            await jobs.run_all(asking, len(asking), f"{name}, a change", teacher.meter)
        return teacher.meter, time.perf_counter() - start


def reindex(indexed: Indexed, before: pl.DataFrame, after: pl.DataFrame, given: Any) -> dict[str, float]:
    """Return what it takes to bring an index of the passages `before` to `after`, and leave it as it was.

    index_seconds: from nothing open to an index that can be searched, as an update is run: the store starts, the model
    loads, what changed is embedded. embed_ms: of one passage among many. Should this be stopped in the middle, whoever
    indexes next puts the index right.
    """
    with indexed(before, given) as index:
        some = before[sorted(evenly_spread(len(before), SAMPLE))]
        texts = [f"{heading}\n{text}" for heading, text in some.select("heading", "text").rows()]
        index.embed(texts[:1])  # the first one takes longer
        start = time.perf_counter()
        index.embed(texts)
        each = (time.perf_counter() - start) / len(texts)
    try:
        start = time.perf_counter()
        with indexed(after, given):
            whole = time.perf_counter() - start
    finally:
        with indexed(before, given):
            pass
    return {"index_seconds": whole, "embed_ms": each * 1000}
