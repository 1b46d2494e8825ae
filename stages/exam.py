"""Make the exam: read its questions from files, or have the teacher write them.

reads   Documents           one row per document
        Chunks              one row per passage
        Redacted            one row per passage, as the teacher may see it
        the question files exam.questions and exam.unanswerable
writes  Questions           one row per exam question
"""

import asyncio
from pathlib import Path

from pydantic import BaseModel, Field

from parts.corpus import exam_writer, question_file
from parts.corpus.evidence import build_exam
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.questions import Questions
from schemas.redacted import Redacted


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `exam` of params.yaml."""

    questions: Path  # a JSONL file; without a line in it, the teacher writes the exam
    unanswerable: Path  # a JSONL file of questions that the documents do not answer
    count: int = Field(ge=1)  # questions the teacher writes, when it does, spread over all passages


def main() -> None:
    """Write Questions."""
    section = params.load("exam", Params)
    documents, chunks = Documents.read(), Chunks.read()
    exam = list(question_file.questions(section.questions))
    if not exam:
        passages = Redacted.read().join(chunks.select("chunk_id", quote="text"), "chunk_id", validate="1:1")
        exam = asyncio.run(exam_writer.write_exam(passages.to_dicts(), section.count, params.load("teacher", Server)))
    exam += question_file.questions(section.unanswerable, answerable=False)
    if not exam:
        raise UserError("the teacher wrote no question: set exam.questions in params.yaml to a file of questions")
    questions, lost = build_exam(exam, documents, chunks)
    Questions.write(questions)
    answerable = int(questions["answerable"].sum())
    counts = {"questions": len(questions), "answerable": answerable, "unanswerable": len(questions) - answerable}
    metrics.write("exam", counts | {"evidence_not_found": lost})
    print(
        f"{len(questions)} questions, {len(questions) - answerable} of them unanswerable; {lost} pieces of evidence not found"
    )


if __name__ == "__main__":
    run(main)
