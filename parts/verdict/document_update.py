"""Measure what an update of one document takes: edit it, ask the teacher about its new passages, and reindex."""

import re
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from typing import Any

import polars as pl

from parts.generators.shared.base import evenly_spread, load_generator
from parts.generators.shared.corpus import Corpus
from parts.llm import jobs
from parts.llm.budget import Meter
from parts.llm.client import connect
from parts.project import machine
from parts.project.sections import Server
from parts.retrieval.index import Index

SAMPLE = 200  # passages to time embedding on, at most
_NUMBER = re.compile(r"^#.*$|(?<![\w.,:/-])(\d{1,9})(?![\w:/-]|[.,]\d)", re.MULTILINE)
"""a heading, to be skipped, or (group 1) a number that stands alone"""

Indexed = Callable[[pl.DataFrame, Any], AbstractContextManager[Index]]
"""`indexed` of a retriever: Chunks, section `retrieve` -> their index"""


def edit_document(documents: pl.DataFrame) -> pl.DataFrame:
    """Return Documents with an edit in the one of median length: the number nearest its middle is one more.

    Without a number, the document gets one more sentence at its end.
    """
    document = documents.sort(pl.col("text").str.len_chars(), "doc_id").row(len(documents) // 2, named=True)
    text = document["text"]
    numbers = [match for match in _NUMBER.finditer(text) if match[1]]
    if numbers:
        nearest = min(numbers, key=lambda match: abs(match.start() - len(text) // 2))
        text = f"{text[: nearest.start()]}{int(nearest[1]) + 1}{text[nearest.end() :]}"
    else:
        text = f"{text}\n\nThis has changed since."
    is_edited = pl.col("doc_id") == document["doc_id"]
    return documents.with_columns(text=pl.when(is_edited).then(pl.lit(text)).otherwise("text"))


async def teach(
    corpus: Corpus, changed: Collection[str], generators: Iterable[str], server: Server
) -> tuple[Meter, float]:
    """Ask the teacher about what holds a passage with an id in `changed`, as synthesis does; return its usage and the seconds.

    The usage is with cached replies.
    """
    start = time.perf_counter()
    async with connect(server) as teacher:
        for name in generators:
            generator = load_generator(name)
            sources = [source for source in generator.sources(corpus) if not {*changed}.isdisjoint(source.chunk_ids)]
            requests = [
                lambda source=source, generator=generator: generator.rows(source, teacher.ask) for source in sources
            ]
            await jobs.run_all(requests, len(requests), f"{name}, update", teacher.meter)
        return teacher.meter, time.perf_counter() - start


def reindex(indexed: Indexed, before: pl.DataFrame, after: pl.DataFrame, retrieve: Any) -> dict[str, float | str]:
    """Return the time to bring an index of the passages `before` to `after`; the index is restored.

    index_seconds: on the wall, until the index can be searched, as an update runs: the store starts, the model loads, changed
    passages are embedded; the store works in a process of its own. embed_ms: of one passage among many, by the clock of
    training. After an interrupt, the next stage that indexes restores the index.
    """
    with indexed(before, retrieve) as index:
        sample = before[sorted(evenly_spread(len(before), SAMPLE))]
        texts = [f"{heading}\n{text}" for heading, text in sample.select("heading", "text").rows()]
        index.embed(texts[:1])  # the first call is slower
        clock = machine.training_clock()
        start = machine.seconds(clock)
        index.embed(texts)
        embed_seconds = (machine.seconds(clock) - start) / len(texts)
    try:
        start = time.perf_counter()
        with indexed(after, retrieve):
            index_seconds = time.perf_counter() - start
    finally:
        with indexed(before, retrieve):
            pass
    return {"index_seconds": index_seconds, "embed_ms": embed_seconds * 1000, "clock": clock}
