"""How near sentences are in meaning: what a teacher by rules knows of synonyms, by a sentence embedder."""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np

from parts.retrieval.embedder import BUNDLED, Embedder


def nearness(sentences: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Return the cosine of each of `sentences` with each of `others`, (sentences, others)."""
    vectors, other_vectors = (np.array([_vector(text) for text in texts]) for texts in (sentences, others))
    return vectors @ other_vectors.T


@lru_cache(10_000)
def _vector(sentence: str) -> np.ndarray:
    """Return the unit vector of `sentence`, embedded alone: its last bits depend on no other."""
    return _embedder()([sentence])[0]


@cache
def _embedder() -> Embedder:
    return Embedder(BUNDLED)
