"""An index of passages as separate steps (embed, search, rerank), so that each can be timed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.contexts import Contexts

Hits = list[tuple[str, float]]
"""(chunk id, score) of passages, best first; a higher score is nearer"""


@dataclass(frozen=True)
class Index:
    """An index of passages."""

    embed: Callable[[list[str]], np.ndarray]
    """questions -> unit vectors, (n, width) float32"""
    search: Callable[[str, np.ndarray], Hits]
    """question, its vector -> hits"""
    rerank: Callable[[str, Hits], Hits] | None = None
    """question, hits -> the same passages, reordered and rescored; None: no reranking"""

    def contexts(self, questions: pl.DataFrame) -> pl.DataFrame:
        """Return the Contexts of `questions`, which are embedded in one call."""
        ids, texts = questions["question_id"].to_list(), questions["question"].to_list()
        rows = [
            {"question_id": question_id, "rank": rank, "chunk_id": chunk_id, "score": score}
            for question_id, question, vector in zip(ids, texts, self.embed(texts), strict=True)
            for rank, (chunk_id, score) in enumerate(self._hits(question, vector), 1)
        ]
        return Contexts.frame(rows)

    def _hits(self, question: str, vector: np.ndarray) -> Hits:
        hits = self.search(question, vector)
        return self.rerank(question, hits) if self.rerank else hits
