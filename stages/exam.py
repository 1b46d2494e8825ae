"""Make the exam: read its questions from files, or have the teacher write them.

reads   Documents           one row per document
        Chunks              one row per passage
        Redacted            one row per passage, as the teacher may see it
        the question files exam.questions and exam.unanswerable
writes  Questions           one row per exam question
"""

import asyncio
from collections import Counter
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts.corpus import exam_writer, published, question_file
from parts.corpus.evidence import build_exam
from parts.corpus.exam_hash import exam_sha
from parts.corpus.exam_writer import ExamMix
from parts.corpus.question_file import Question
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.retrieval.embedder import Embedder, EmbedderParams
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.questions import Questions
from schemas.redacted import Redacted


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `exam` of params.yaml."""

    questions: Path  # a JSONL file, or that of a published benchmark; without a line in it, the teacher writes the exam
    unanswerable: Path  # a JSONL file of questions that the documents do not answer
    count: int = Field(ge=1)  # questions the teacher writes, when it does, spread over all documents
    mix: ExamMix  # shares of them; the rest asks for one fact each


def write_exam(section: Params, chunks: pl.DataFrame, server: Server) -> tuple[list[Question], Counter]:
    """Return the questions that the teacher writes, and counts of what was lost."""
    passages = Redacted.read().join(chunks.select("chunk_id", quote="text"), "chunk_id", validate="1:1").to_dicts()
    embed = Embedder(params.load("retrieve", EmbedderParams).embedder)
    exam, counts = asyncio.run(exam_writer.write_exam(passages, section.count, section.mix, server, embed))
    lost = ", ".join(f"{key} {n}" for key, n in sorted(counts.items()) if key != "requests") or "none"
    print(f"the teacher wrote {len(exam)} questions; of {counts['requests']} requests and their questions lost: {lost}")
    return exam, counts


def exam_metrics(questions: pl.DataFrame, chunks: pl.DataFrame) -> dict[str, int | str]:
    """Return counts of questions, also by kind, and of documents with a question's answer, and the exam's hash."""
    gold = questions["gold_chunk_ids"].explode().explode().drop_nulls().implode()
    counts = {"questions": len(questions), "answerable": int(questions["answerable"].sum())}
    counts |= {"unanswerable": len(questions) - counts["answerable"], "exam_sha": exam_sha(questions)}
    counts |= {f"kind_{kind.replace(' ', '_')}": n for kind, n in questions["kind"].value_counts().rows()}
    documents_reached = chunks.filter(pl.col("chunk_id").is_in(gold))["doc_id"].n_unique()
    return counts | {"documents": chunks["doc_id"].n_unique(), "documents_reached": documents_reached}


def main() -> None:
    """Write Questions."""
    section, server = params.load("exam", Params), params.load("teacher", Server)
    documents, chunks = Documents.read(), Chunks.read()
    benchmark, lost, exam_by = published.read(section.questions), Counter(), "people"
    exam = benchmark.questions if benchmark else list(question_file.questions(section.questions))
    if benchmark and not exam:
        raise UserError(f"{section.questions} has no question with an answer: name another split in exam.questions")
    if not exam:
        exam, lost = write_exam(section, chunks, server)
        exam_by = server.model
        if not exam:
            reasons = ", ".join(f"{key} {n}" for key, n in sorted(lost.items()))
            raise UserError(
                f"{exam_by} wrote no question ({reasons}): set exam.questions in params.yaml to a file of questions"
            )
    exam += question_file.questions(section.unanswerable, answerable=False)
    questions, n_missing = build_exam(exam, documents, chunks)
    Questions.write(questions)
    counts = exam_metrics(questions, chunks)
    metrics.write("exam", lost | counts | {"exam_by": exam_by, "evidence_not_found": n_missing})
    print(
        f"{len(questions)} questions by {exam_by}, {counts['unanswerable']} of them unanswerable, on "
        f"{counts['documents_reached']} of {counts['documents']} documents; {n_missing} pieces of evidence not found"
    )


if __name__ == "__main__":
    run(main)
