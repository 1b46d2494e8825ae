"""Passages and questions to measure retrieval on: two public corpora that the repository does not carry, and made-up text."""

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

TOKENS = 200  # of a passage, by the embedder's tokenizer, which reads 256


def squad(corpora: Path, embed: Embedder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return SQuAD's paragraphs, each a passage, and its questions; the paragraph a question was written on is gold."""
    given = json.loads((corpora / "squad/squad_val_third.json").read_text())
    passages, questions = [], []
    for n, paragraph in enumerate(given):
        row = {"chunk_id": f"p{n:04}", "doc_id": paragraph["title"], "start": n, "end": n + 1, "page": 1}
        passages.append(
            row | {"heading": paragraph["title"].replace("_", " "), "text": paragraph["context"], "n_tokens": 1}
        )
        questions += [
            {
                "question_id": f"p{n:04}q{at}",
                "doc_id": None,
                "kind": "fact",
                "question": asked["question"],
                "options": None,
            }
            | {"reference": asked["answer"], "answerable": True, "gold_chunk_ids": [[f"p{n:04}"]]}
            for at, asked in enumerate(paragraph["questions"])
        ]
    return Chunks.frame(passages), Questions.frame(questions)


def northwind(corpora: Path, embed: Embedder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the passages of Northwind's PDFs, and its questions; a cited page is found when a passage of it is."""
    read, _ = ingest.ingest(corpora / "northwind/docs")
    tokens = embed.model.tokenizer
    chunks = splitting.split_documents(
        read, TOKENS, lambda text: len(tokens(text, add_special_tokens=False, verbose=False).input_ids)
    )
    questions, _ = evidence.build_exam(list(question_file.questions(corpora / "northwind/qa.jsonl")), read, chunks)
    return chunks, questions.filter(pl.col("gold_chunk_ids").list.len() > 0)


def made_up(number: int) -> pl.DataFrame:
    """Return `number` passages of companies that were made up for this."""
    rows = [
        {
            "chunk_id": f"c{n:06}",
            "doc_id": heading,
            "start": n,
            "end": n + 1,
            "page": 1,
            "heading": heading,
            "text": text,
        }
        | {"n_tokens": 1}
        for n, (heading, text) in enumerate(islice(_paragraphs(), number))
    ]
    return Chunks.frame(rows)


def _paragraphs() -> Iterator[tuple[str, str]]:
    for seed in count(1000):
        for entity in make_company(seed, "exam", 64).entities:
            for block in documents.write(random.Random(seed), entity):
                yield entity.name, documents.body(block)


def vectors(real: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Return `number` unit vectors that lie as real ones do: each between two of `real`, a little off."""
    rng = np.random.default_rng(seed)
    one, other = real[rng.integers(len(real), size=(2, number))]
    share = rng.uniform(0.5, 1, (number, 1)).astype("float32")
    noise = rng.normal(scale=0.2 / np.sqrt(real.shape[1]), size=one.shape).astype("float32")
    found = share * one + (1 - share) * other + noise
    return found / np.linalg.norm(found, axis=1, keepdims=True)
