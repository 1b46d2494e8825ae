"""Have the teacher write an exam, for documents without a question file."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from pydantic import BaseModel, Field, model_validator

from parts.corpus.exam_passages import evenly, nearest, title
from parts.corpus.exam_requests import (
    ExamQuestion,
    Request,
    UnansweredQuestion,
    UnansweredQuestions,
    fact_requests,
    two_document_requests,
    unanswerable_requests,
)
from parts.corpus.passage_check import PassageCheck, check_prompt
from parts.corpus.question_file import Evidence, Question
from parts.llm import jobs
from parts.llm.client import Client, connect
from parts.project.sections import Server
from parts.safety.detection import PLACEHOLDER

Embed = Callable[[list[str]], np.ndarray]
"""texts -> unit vectors, (n, width)"""

Draft = tuple[int, Question]
"""a question, and its level: 0 within its request's quota, else how many it is beyond it"""

CHECKED = 8
"""nearest passages in which the teacher looks for the answer to a question that should have none"""


class ExamMix(BaseModel, extra="forbid", frozen=True):
    """Shares of the questions that the teacher writes; the rest asks for one fact each."""

    two_documents: float = Field(ge=0, le=1)
    unanswerable: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _is_a_whole(self) -> "ExamMix":
        if self.two_documents + self.unanswerable > 1:
            raise ValueError("the shares add up to more than 1")
        return self


async def write_exam(
    chunks: Sequence[dict], count: int, mix: ExamMix, server: Server, embed: Embed, sample: int = 0
) -> tuple[list[Question], Counter]:
    """Return at most `count` questions of the kinds of `mix`, spread over all documents, and counts of what was lost.

    `chunks` are rows of Redacted, with the original text, which the teacher does not see, as `quote`. Questions with a
    placeholder are left out: only the teacher could answer them. An unanswerable question is one to which the teacher
    sees no answer in the passages nearest to it by `embed`. Where a kind has too few, facts fill the exam. Another
    `sample` is another exam on the same passages. The counts are requests, failed_REASON (of requests) and
    left_out_REASON (of questions).
    """
    wanted = {kind: round(share * count) for kind, share in mix.model_dump().items()}
    if len({chunk["doc_id"] for chunk in chunks}) == 1:
        wanted = dict.fromkeys(wanted, 0)
    vectors = embed([_embedded(chunk) for chunk in chunks]) if wanted["unanswerable"] else np.empty((0, 0))
    titles = embed([title(chunk) for chunk in chunks]) if wanted["unanswerable"] else vectors
    requests = fact_requests(chunks, count - sum(wanted.values()))
    requests += two_document_requests(chunks, wanted["two_documents"])
    requests += unanswerable_requests(chunks, wanted["unanswerable"], vectors + titles)
    async with connect(server) as teacher:
        asks = [partial(_ask, request, teacher, sample) for request in requests]
        replies = await jobs.collect(asks, len(asks), "exam", teacher.meter)
        drafts, counts = _drafts(requests, replies)
        nearby = _nearby(drafts["unanswerable"], chunks, vectors, embed)
        checks = [partial(_answered, draft, passages, teacher) for draft, passages in nearby]
        answered = await jobs.collect(checks, len(checks), "exam, checked", teacher.meter)
    drafts["unanswerable"] = [draft for (draft, _), reason in zip(nearby, answered, strict=True) if not reason]
    counts.update(reason for reason in answered if reason)
    others = [question for kind, n in wanted.items() for question in _choose(drafts[kind], n)]
    return _choose(drafts["fact"], count - len(others)) + others, counts


async def _ask(request: Request, teacher: Client, sample: int) -> tuple[list[Question], list[str]]:
    """Return the questions of one request, and why others are lost; or none, and why there is none."""
    reply = await teacher.ask(request.prompt, schema=request.schema, sample=sample)
    rows, lost = reply.items(request.schema)
    questions = _questions(request, rows)
    return questions, lost if questions or lost else ["empty"]


def _questions(request: Request, rows: Sequence[ExamQuestion | UnansweredQuestion]) -> list[Question]:
    """Return the questions of a reply that are whole, with the passages of the request as evidence."""
    is_answerable = request.schema is not UnansweredQuestions
    stem = "+".join(chunk["chunk_id"] for chunk in request.chunks) + ("" if is_answerable else "-unanswerable")
    evidence = [Evidence(chunk["doc_id"], quote=chunk["quote"]) for chunk in request.chunks if is_answerable]
    questions = []
    for number, row in enumerate(rows, 1):
        answer = row.answer.strip() if is_answerable else ""
        if row.question.strip() and bool(answer) == is_answerable:
            fields = (
                row.question.strip(),
                [answer] if is_answerable else [],
                is_answerable,
                request.kind,
                None,
                evidence,
            )
            questions.append(Question(f"{stem}-{number}", *fields))
    return questions


def _drafts(
    requests: Sequence[Request], replies: Sequence[tuple[list[Question], list[str]]]
) -> tuple[dict[str, list[Draft]], Counter]:
    """Return the questions that can be asked, by kind, and counts of what was lost."""
    drafts: dict[str, list[Draft]] = defaultdict(list)
    counts, asked = Counter(requests=len(requests)), set()
    for request, (questions, lost) in zip(requests, replies, strict=True):
        counts.update(f"{'left_out' if questions else 'failed'}_{problem.replace(' ', '_')}" for problem in lost)
        for number, question in enumerate(questions):
            text = question.question.lower()
            if PLACEHOLDER.search(f"{question.question} {question.references}"):
                counts["left_out_placeholder"] += 1
            elif request.name and request.name.lower() in text:
                counts["left_out_one_document"] += 1
            elif text in asked:
                counts["left_out_repeated"] += 1
            else:
                asked.add(text)
                drafts[request.kind].append((max(0, number + 1 - request.quota), question))
    return drafts, counts


def _nearby(
    drafts: Sequence[Draft], chunks: Sequence[dict], vectors: np.ndarray, embed: Embed
) -> list[tuple[Draft, list[dict]]]:
    """Return each question with the passages that would answer it if any did."""
    if not drafts:
        return []
    everywhere = np.ones(len(chunks), bool)
    queries = embed([question.question for _, question in drafts])
    indices = [nearest(query, vectors, everywhere, CHECKED) for query in queries]
    return [(draft, [chunks[index] for index in row]) for draft, row in zip(drafts, indices, strict=True)]


async def _answered(draft: Draft, passages: Sequence[dict], teacher: Client) -> str | None:
    """Return None where the teacher sees no answer to the question in the passages; else why the question is left out."""
    reply = await teacher.ask(check_prompt(draft[1].question, passages), schema=PassageCheck)
    parsed, problem = reply.parse(PassageCheck)
    if parsed is None:
        return f"left_out_check_{problem.replace(' ', '_')}"
    return "left_out_answered" if parsed.answered else None


def _choose(drafts: Sequence[Draft], count: int) -> list[Question]:
    """Return `count` of the questions, the lowest level first, those of the last level evenly spread; all if there are fewer."""
    chosen: list[Question] = []
    for level in sorted({level for level, _ in drafts}):
        at_level = [question for draft_level, question in drafts if draft_level == level]
        chosen += evenly(at_level, count - len(chosen))
    return chosen


def _embedded(chunk: dict) -> str:
    return f"{chunk['heading']}\n{chunk['text']}"
