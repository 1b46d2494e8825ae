"""Passages and questions to measure retrieval on: two public corpora that the repository does not carry, and synthetic text."""

import json
import random
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import polars as pl

from invitro.world import documents
from invitro.world.company import make_company
from parts.corpus import evidence, question_file, splitting
from parts.retrieval.embedder import Embedder
from schemas.chunks import Chunks
from schemas.questions import Questions
from stages import ingest

MAX_TOKENS = 200  # of a passage, by the embedder's tokenizer, which reads 256


def squad(corpora: Path, embed: Embedder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return SQuAD's paragraphs, each a passage, and its questions; the paragraph a question was written on is gold."""
    paragraphs = json.loads((corpora / "squad/squad_val_third.json").read_text())
    passages, questions = [], []
    for n, paragraph in enumerate(paragraphs):
        heading = paragraph["title"].replace("_", " ")
        passages.append(_passage(f"p{n:04}", n, paragraph["title"], heading, paragraph["context"]))
        for number, question in enumerate(paragraph["questions"]):
            row = {"question_id": f"p{n:04}q{number}", "doc_id": None, "kind": "fact", "options": None}
            row |= {"question": question["question"], "references": [question["answer"]], "answerable": True}
            questions.append(row | {"gold_chunk_ids": [[f"p{n:04}"]]})
    return Chunks.frame(passages), Questions.frame(questions)


def northwind(corpora: Path, embed: Embedder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the passages of Northwind's PDFs, and its questions; every passage of a cited page is gold."""
    texts, _ = ingest.ingest(corpora / "northwind/docs")
    chunks = splitting.split_documents(texts, MAX_TOKENS, embed.count_tokens)
    questions, _ = evidence.build_exam(list(question_file.questions(corpora / "northwind/qa.jsonl")), texts, chunks)
    return chunks, questions.filter(pl.col("gold_chunk_ids").list.len() > 0)


def or_next_page(questions: pl.DataFrame, chunks: pl.DataFrame) -> pl.DataFrame:
    """Return `questions` with the passages of the page after a cited one as gold, too.

    Northwind's citations name the page on which a section of its authors begins, whose end, on the next, may have the answer.
    """
    pages = {chunk: (doc, page) for chunk, doc, page in chunks.select("chunk_id", "doc_id", "page").iter_rows()}
    on_page: dict[tuple[str, int], list[str]] = {}
    for chunk, place in pages.items():
        on_page.setdefault(place, []).append(chunk)

    def widened(piece: list[str]) -> list[str]:
        after = {(pages[chunk][0], pages[chunk][1] + 1) for chunk in piece}
        return [*piece, *(chunk for place in sorted(after) for chunk in on_page.get(place, []))]

    gold = [[widened(piece) for piece in pieces] for pieces in questions["gold_chunk_ids"].to_list()]
    return questions.with_columns(pl.Series("gold_chunk_ids", gold, questions.schema["gold_chunk_ids"]))


def synthetic(number: int) -> pl.DataFrame:
    """Return `number` passages of made-up companies, the same for the same number."""
    paragraphs = enumerate(islice(_paragraphs(), number))
    return Chunks.frame([_passage(f"c{n:06}", n, heading, heading, text) for n, (heading, text) in paragraphs])


def _passage(chunk_id: str, n: int, doc_id: str, heading: str, text: str) -> dict:
    row = {"chunk_id": chunk_id, "doc_id": doc_id, "start": n, "end": n + 1, "page": 1}
    return row | {"heading": heading, "text": text, "language": "en", "n_tokens": 1}


def _paragraphs() -> Iterator[tuple[str, str]]:
    for seed in count(1000):
        for entity in make_company(seed, "exam", 64).entities:
            for block in documents.write(random.Random(seed), entity):
                yield entity.name, documents.body(block)


def vectors(real: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Return `number` unit vectors distributed as real ones are: each between two of `real`, with some noise."""
    rng = np.random.default_rng(seed)
    left, right = real[rng.integers(len(real), size=(2, number))]
    weight = rng.uniform(0.5, 1, (number, 1)).astype("float32")
    noise = rng.normal(scale=0.2 / np.sqrt(real.shape[1]), size=left.shape).astype("float32")
    mixed = weight * left + (1 - weight) * right + noise
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
