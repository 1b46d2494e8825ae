"""Questions that a document's readers may ask and no document answers, with the answer that there is none.

A teacher that sees one document cannot know what the others tell. So each question is put to the passages that retrieval
finds for it among all documents, and is kept only where the teacher sees no answer in them.
"""

import asyncio

from pydantic import BaseModel, Field

from parts.corpus.passage_check import PassageCheck, check_prompt
from parts.generators.shared.base import Ask, Row, Source, beside_alike, quote
from parts.generators.shared.corpus import Corpus
from parts.generators.shared.question_rows import ask_samples
from parts.project import prompts
from parts.text.answer_format import REFUSAL


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.boundary` of params.yaml."""

    alike: int = Field(ge=1)  # documents that each one is shown with, those most like it
    characters: int = Field(ge=200)  # of a document in a prompt, at most; a longer one is taken in parts
    samples: int = Field(ge=1)  # requests per document
    count: int = Field(ge=1)  # questions per request
    checked: int = Field(ge=1)  # nearest passages in which an answer is looked for, beside the document itself
    temperature: float = Field(ge=0)


class BoundaryQuestion(BaseModel):
    """A question without an answer."""

    question: str


class BoundaryQuestions(BaseModel):
    """What the teacher is to return for a document and those like it."""

    questions: list[BoundaryQuestion]


def sources(corpus: Corpus, params: Params) -> list[Source]:
    """Return each document, or each part of a longer one, with those most like it: the first is what is asked about."""
    return beside_alike(corpus, params.characters, params.alike)


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the questions of all samples that no passage answers, and a row for each that is lost, with the reason."""
    own = [chunk for chunk in (source.passage, *source.others) if chunk["doc_id"] == source.passage["doc_id"]]
    others = [chunk for chunk in source.others if chunk["doc_id"] != source.passage["doc_id"]]
    prompt = prompts.render("boundary/questions", count=params.count, document=quote(own), others=quote(others))
    samples = await ask_samples(prompt, BoundaryQuestions, ask, params)
    replies = [reply.items(BoundaryQuestions) for reply in samples]
    questions = list(dict.fromkeys(row.question.strip() for rows, _ in replies for row in rows))
    near = source.corpus.near(questions, params.checked)  # all at once: one by one takes many times as long
    read = ([*own, *(chunk for chunk in chunks if chunk not in own)] for chunks in near)
    checked = await asyncio.gather(*(_row(*each, ask) for each in zip(questions, read, strict=True)))
    return [*checked, *(Row("qa", dropped=reason) for _, lost in replies for reason in lost)]


async def _row(question: str, passages: list[dict], ask: Ask) -> Row:
    """Return the row of `question` where the teacher sees no answer to it in `passages`, else why there is none."""
    if not question:
        return Row("qa", dropped="empty")
    reply = await ask(check_prompt(question, passages), schema=PassageCheck, temperature=0)
    check, problem = reply.parse(PassageCheck)
    if check is None:
        return Row("qa", dropped=problem)
    return Row("qa", dropped="answered") if check.answered else Row("qa", question, "", REFUSAL, answerable=False)
