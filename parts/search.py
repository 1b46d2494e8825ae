"""What every retriever that searches offers: its steps one by one, so that each can be timed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
        hits = self.search(question, self.embed([question])[0])
        return self.rerank(question, hits) if self.rerank else hits
