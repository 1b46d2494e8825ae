"""Have the teacher write development questions: an exam of another kind than the exam, on which settings are chosen.

They are in an exam's words, not in those of training rows, so that the student meets them as it meets the exam. None is in
the exam: not the same question, nor one with the same answer from the same passage.

reads   Chunks              one row per passage
        Documents           one row per document
        Redacted            one row per passage, as the teacher may see it
        Questions           one row per exam question, to leave out what is in the exam
writes  Development         one row per development question
"""

import asyncio

import polars as pl
from pydantic import BaseModel, Field

from parts.corpus import exam_writer
from parts.corpus.evidence import build_exam
from parts.corpus.exam_writer import ExamMix
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Server
from parts.retrieval.embedder import EmbedderParams, lazy_embedder
from parts.text.words import words
from schemas.chunks import Chunks
from schemas.development import Development
from schemas.documents import Documents
from schemas.questions import Questions
from schemas.redacted import Redacted

SAMPLE = 1
"""of the teacher's replies: the exam, where the teacher writes it, is of sample 0"""


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `development` of params.yaml."""

    count: int = Field(ge=10)  # questions, spread over all documents
    mix: ExamMix  # shares of them; the rest asks for one fact each


def outside_exam(questions: pl.DataFrame, exam: pl.DataFrame) -> pl.DataFrame:
    """Return the `questions` that are not in `exam` (Questions both), by their words or by answer and passage."""
    texts = {tuple(words(text)) for text in exam["question"]}
    facts = {fact for row in exam.to_dicts() for fact in _facts(row)}
    keep = [
        tuple(words(row["question"])) not in texts and facts.isdisjoint(_facts(row)) for row in questions.to_dicts()
    ]
    return questions.filter(pl.Series(keep, dtype=pl.Boolean))


def _facts(row: dict) -> set[tuple]:
    chunk_ids = [chunk_id for piece in row["gold_chunk_ids"] for chunk_id in piece]
    return {(chunk_id, tuple(words(reference))) for chunk_id in chunk_ids for reference in row["references"]}


def main() -> None:
    """Write Development and metrics/development.json."""
    section, server, chunks = params.load("development", Params), params.load("teacher", Server), Chunks.read()
    passages = Redacted.read().join(chunks.select("chunk_id", quote="text"), "chunk_id", validate="1:1").to_dicts()
    embed = lazy_embedder(params.load("retrieve", EmbedderParams).embedder)
    drafts, lost = asyncio.run(exam_writer.write_exam(passages, section.count, section.mix, server, embed, SAMPLE))
    written, _ = build_exam(drafts, Documents.read(), chunks)
    questions = outside_exam(written, Questions.read())
    Development.write(questions)
    counts = {"questions": len(questions), "in_the_exam": len(written) - len(questions)}
    counts |= {f"kind_{kind.replace(' ', '_')}": n for kind, n in questions["kind"].value_counts().rows()}
    metrics.write("development", lost | counts)
    print(f"{len(questions)} development questions; {counts['in_the_exam']} more were in the exam")


if __name__ == "__main__":
    run(main)
