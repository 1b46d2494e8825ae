"""Set the exam: read its questions from files, or have the teacher write them.

reads   Documents           one row per document
        Chunks              one row per passage
        Redacted            one row per passage, as the teacher may see it
        the question files examine.questions and examine.unanswerable
writes  Questions           one row per exam question
"""

import asyncio
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts import examiner
from parts.corpora import folder
from parts.passages import locate
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Server
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.errors import Mistake
from schemas.questions import Questions
from schemas.redacted import Redacted


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `examine` of params.yaml."""

    questions: Path  # a JSONL file; without a line in it, the teacher writes the exam
    unanswerable: Path  # a JSONL file of questions that the documents do not answer
    count: int = Field(ge=1)  # questions the teacher writes, when it does, spread over all passages


def examine(asked: list[folder.Question], documents: pl.DataFrame, chunks: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the exam with the passages that hold each piece of evidence, and how many pieces were found nowhere."""
    texts = dict(documents.select("doc_id", "text").rows())
    held = {doc_id: part.sort("start").to_dicts() for (doc_id,), part in chunks.group_by("doc_id")}
    rows, lost = [], 0
    for question in asked:
        gold = [_holding(piece, texts, held) for piece in question.evidence]
        lost += sum(not found for found in gold)
        gold = [found for found in gold if found]
        studied = {chunk["doc_id"] for found in gold for chunk in found}
        row = {
            name: getattr(question, name)
            for name in ("question_id", "kind", "question", "options", "reference", "answerable")
        }
        row["doc_id"] = studied.pop() if len(studied) == 1 else None
        rows.append(row | {"gold_chunk_ids": [[chunk["chunk_id"] for chunk in found] for found in gold]})
    return Questions.frame(rows), lost


def _holding(piece: folder.Evidence, texts: dict[str, str], held: dict[str, list[dict]]) -> list[dict]:
    """Return the passages that hold `piece`: those of the cited page, or those the quotation runs over."""
    chunks = held.get(piece.file, [])
    if piece.quote is None:
        return [chunk for chunk in chunks if chunk["page"] == piece.page]
    found = locate(piece.quote, texts.get(piece.file, ""))
    return [chunk for chunk in chunks if found and chunk["start"] < found[1] and found[0] < chunk["end"]]


def main() -> None:
    """Write Questions."""
    given = params.load("examine", Params)
    documents, chunks = Documents.read(), Chunks.read()
    asked = list(folder.questions(given.questions))
    if not asked:
        shown = Redacted.read().join(chunks.select("chunk_id", quote="text"), "chunk_id", validate="1:1")
        asked = asyncio.run(examiner.write(shown.to_dicts(), given.count, params.load("teacher", Server)))
    asked += folder.questions(given.unanswerable, answerable=False)
    if not asked:
        raise Mistake(
            "the teacher wrote no question: give it better passages, or a file (examine.questions in params.yaml)"
        )
    questions, lost = examine(asked, documents, chunks)
    Questions.write(questions)
    answerable = int(questions["answerable"].sum())
    found = {"questions": len(questions), "answerable": answerable, "unanswerable": len(questions) - answerable}
    metrics.write("examine", found | {"evidence_not_found": lost})
    print(
        f"{len(questions)} questions, {len(questions) - answerable} of them unanswerable; {lost} pieces of evidence not found"
    )


if __name__ == "__main__":
    run(main)
