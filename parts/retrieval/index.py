"""What every retriever that searches offers: its steps one by one, so that each can be timed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.contexts import Contexts

Hits = list[tuple[str, float]]
"""(chunk id, score) of passages, best first; a higher score is nearer"""


@dataclass(frozen=True)
class Index:
    """Passages ready to be searched."""

    embed: Callable[[list[str]], np.ndarray]
    """questions -> unit vectors, (n, width) float32"""
    search: Callable[[str, np.ndarray], Hits]
    """a question and its vector -> the passages found"""
    rerank: Callable[[str, Hits], Hits] | None = None
    """a question and the passages found -> the same, in a better order; None: their order stays"""

    def find(self, question: str) -> Hits:
        """Return the passages for `question`, best first."""
        return self._found(question, self.embed([question])[0])

    def contexts(self, questions: pl.DataFrame) -> pl.DataFrame:
        """Return the Contexts of `questions`; they are embedded all at once."""
        ids, asked = questions["question_id"].to_list(), questions["question"].to_list()
        rows = [
            {"question_id": question_id, "rank": rank, "chunk_id": chunk_id, "score": score}
            for question_id, question, vector in zip(ids, asked, self.embed(asked), strict=True)
            for rank, (chunk_id, score) in enumerate(self._found(question, vector), 1)
        ]
        return Contexts.frame(rows)

    def _found(self, question: str, vector: np.ndarray) -> Hits:
        hits = self.search(question, vector)
        return self.rerank(question, hits) if self.rerank else hits
