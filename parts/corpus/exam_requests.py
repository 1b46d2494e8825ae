"""What the teacher is asked for an exam: one fact, facts of two documents, what no document answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from parts.corpus.exam_passages import linked_pairs, nearest, spread
from parts.project import prompts
from parts.safety import quoting


class ExamQuestion(BaseModel):
    """One exam question with its answer."""

    question: str
    answer: str


class ExamQuestions(BaseModel):
    """What the teacher is to return for one passage."""

    questions: list[ExamQuestion]


class TwoDocumentQuestions(ExamQuestions):
    """What the teacher is to return for two passages."""


class UnansweredQuestion(BaseModel):
    """A question without an answer."""

    question: str


class UnansweredQuestions(BaseModel):
    """What the teacher is to return where no passage has the answer."""

    questions: list[UnansweredQuestion]


@dataclass(frozen=True)
class Request:
    """A request for questions of one kind."""

    kind: str
    """fact, two_documents or unanswerable"""
    prompt: str
    schema: type[BaseModel]
    chunks: tuple[dict, ...]
    """the passages that it is about; those of the answer come first"""
    quota: int = 1
    """questions wanted; further ones replace those that other requests lack"""
    name: str = ""
    """what no question may contain: it would then take one passage only"""


def fact_requests(chunks: Sequence[dict], count: int) -> list[Request]:
    """Return requests for `count` questions about one passage each, spread over all documents, and a spare one each."""
    return [_fact_request(chunks[index], quota) for index, quota in spread(chunks, count).items()]


def _fact_request(chunk: dict, quota: int) -> Request:
    prompt = prompts.render("exam/questions", count=quota + 1, passage=_passage(chunk))
    return Request("fact", prompt, ExamQuestions, (chunk,), quota)


def two_document_requests(chunks: Sequence[dict], count: int) -> list[Request]:
    """Return requests for twice `count` questions that take two passages, one each: some will be left out."""
    return [
        Request(
            "two_documents",
            prompts.render(
                "exam/two_documents",
                link=quoting.quoted(pair.name),
                first=_passage(pair.first),
                second=_passage(pair.second),
            ),
            TwoDocumentQuestions,
            (pair.first, pair.second),
            name=pair.name,
        )
        for pair in linked_pairs(chunks, 2 * count)
    ]


def unanswerable_requests(chunks: Sequence[dict], count: int, vectors: np.ndarray) -> list[Request]:
    """Return requests for three times `count` questions that no passage answers, and a spare one each: a check follows.

    Each shows a passage, and the nearest one of another document by `vectors`, which has what one may ask for.
    """
    doc_ids = np.array([chunk["doc_id"] for chunk in chunks])
    requests = []
    for index, quota in spread(chunks, 3 * count).items():
        for other in nearest(vectors[index], vectors, doc_ids != doc_ids[index], 1):
            prompt = prompts.render(
                "exam/unanswerable", count=quota + 1, passage=_passage(chunks[index]), other=_passage(chunks[other])
            )
            requests.append(Request("unanswerable", prompt, UnansweredQuestions, (chunks[index],), quota))
    return requests


def _passage(chunk: dict) -> str:
    return quoting.passage(chunk["heading"], chunk["text"])
