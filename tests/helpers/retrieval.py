"""What the tests of retrieval share: parameters, passages, questions, and an embedder that remembers."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from parts.retrieval import postgres
from schemas.chunks import Chunks
from schemas.questions import Questions

KNOBS = {
    "embedder": "all-MiniLM-L6-v2", "reranker": "none", "language": "english", "depth": 10, "half_precision": False,
    "exact_below": 1000, "m": 16, "ef_construction": 64, "ef_search": 100,
}  # fmt: skip


def knobs(**changed) -> postgres.RetrieveParams:
    return postgres.RetrieveParams(**KNOBS | changed)


class Embed:
    """Unit vectors that depend on the text alone; remembers the texts."""

    width = 8

    def __init__(self):
        self.seen: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.seen += texts
        vectors = np.stack([np.random.default_rng(list(text.encode())).normal(size=self.width) for text in texts])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")

    questions = __call__

    def batches(self, batches: list[list[str]]) -> Iterator[np.ndarray]:
        return map(self, batches)


def passages(*texts: str, heading: str = "H", **named: str) -> pl.DataFrame:
    texts = {f"c{n}": text for n, text in enumerate(texts)} | named
    return Chunks.frame([
        {"chunk_id": chunk_id, "doc_id": "d", "start": n * 100, "end": n * 100 + 1, "page": 1, "heading": heading}
        | {"text": text, "n_tokens": 1}
        for n, (chunk_id, text) in enumerate(texts.items())
    ])  # fmt: skip


def exam_of(**questions: tuple) -> pl.DataFrame:
    """Return Questions: id = (question, gold passages of the first piece of evidence, of the second, ...)."""
    rest = {"doc_id": None, "kind": "fact", "options": None, "references": ["x"], "answerable": True}
    rows = [
        {"question_id": name, "question": text, "gold_chunk_ids": [list(piece) for piece in gold]} | rest
        for name, (text, *gold) in questions.items()
    ]
    return Questions.frame([{column: row[column] for column in Questions.types()} for row in rows])
