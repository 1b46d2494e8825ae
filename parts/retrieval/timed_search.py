"""How an arm comes by its passages, step by step, with what each step takes."""

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator

import polars as pl

from parts.project import params
from parts.retrieval import postgres
from parts.retrieval.contexts import Passage, shown_passages
from parts.retrieval.index import Index
from schemas.contexts import Contexts

SearchResult = tuple[list[Passage], dict[str, float]]
"""passages, best first, and the seconds of each step: embed, search, rerank"""

Search = Callable[[str, str], SearchResult]
"""question id, question -> what is found"""


@contextlib.contextmanager
def timed_search(retriever: str, chunks: pl.DataFrame, most: int) -> Iterator[Search]:
    """Yield how passages are found: by a search where `retriever` searches, else from the contexts that it left."""
    part = importlib.import_module(f"parts.retrieval.retrievers.{retriever}")
    if not hasattr(part, "indexed"):
        held = shown_passages(Contexts.read(retriever), chunks, most)
        yield lambda question_id, question: (held.get(question_id, []), {})
        return
    texts = {row["chunk_id"]: (row["heading"], row["text"]) for row in chunks.iter_rows(named=True)}
    with part.indexed(chunks, params.load("retrieve", postgres.Params)) as index:

        def find(question_id: str, question: str) -> SearchResult:
            found, took = search(index, question)
            return [texts[chunk_id] for chunk_id in found[:most]], took

        yield find


def search(index: Index, question: str) -> tuple[list[str], dict[str, float]]:
    """Return the ids of the passages that `index` finds for `question`, best first, and the seconds of each step."""
    start = time.perf_counter()
    vector = index.embed([question])[0]
    embedded = time.perf_counter()
    hits = index.search(question, vector)
    searched = time.perf_counter()
    took = {"embed": embedded - start, "search": searched - embedded}
    if index.rerank:
        hits = index.rerank(question, hits)
        took["rerank"] = time.perf_counter() - searched
    return [chunk_id for chunk_id, _ in hits], took
