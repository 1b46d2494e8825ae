"""Search for an arm's passages, with the seconds of each step."""

import contextlib
import time
from collections.abc import Callable, Iterator

import polars as pl

from parts.project import params
from parts.retrieval.contexts import Passage, passages_by_id, shown_passages
from parts.retrieval.index import Index
from parts.retrieval.postgres import RetrieveParams
from parts.retrieval.retriever import load_retriever
from schemas.contexts import Contexts

SearchResult = tuple[list[Passage], dict[str, float]]
"""passages, best first, and the seconds of each step: embed, search, rerank"""

Search = Callable[[str, str], SearchResult]
"""question id, question -> result"""


@contextlib.contextmanager
def timed_search(retriever: str, chunks: pl.DataFrame, most: int) -> Iterator[Search]:
    """Yield a function that returns at most `most` passages: by search, or from Contexts if `retriever` does not search."""
    module = load_retriever(retriever)
    if not hasattr(module, "indexed"):
        shown = shown_passages(Contexts.read(retriever), chunks, most)
        yield lambda question_id, question: (shown.get(question_id, []), {})
        return
    passages = passages_by_id(chunks)
    with module.indexed(chunks, params.load("retrieve", RetrieveParams)) as index:

        def search_passages(question_id: str, question: str) -> SearchResult:
            ids, seconds = search(index, question)
            return [passages[chunk_id] for chunk_id in ids[:most]], seconds

        yield search_passages


def search(index: Index, question: str) -> tuple[list[str], dict[str, float]]:
    """Return the ids of the passages for `question`, best first, and the seconds of each step."""
    start = time.perf_counter()
    vector = index.embed([question])[0]
    embedded = time.perf_counter()
    hits = index.search(question, vector)
    searched = time.perf_counter()
    seconds = {"embed": embedded - start, "search": searched - embedded}
    if index.rerank:
        hits = index.rerank(question, hits)
        seconds["rerank"] = time.perf_counter() - searched
    return [chunk_id for chunk_id, _ in hits], seconds
