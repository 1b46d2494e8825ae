"""Questions with reasoning and answers, as a teacher is asked for them."""

import asyncio
from typing import Protocol

from pydantic import BaseModel

from parts.generators.shared.base import Ask, Row
from parts.llm.reply import Reply


class Question(BaseModel):
    """One question with its answer."""

    question: str
    reasoning: str
    answer: str


class TrainingQuestions(BaseModel):
    """What the teacher is to return for one passage."""

    questions: list[Question]


class Samples(Protocol):
    """What the parameters of a generator of questions have in common."""

    samples: int
    temperature: float


async def ask_samples(prompt: str, schema: type[BaseModel], ask: Ask, params: Samples) -> list[Reply]:
    """Return the replies to all samples of `prompt`."""
    jobs = [
        ask(prompt, schema=schema, sample=sample, temperature=params.temperature) for sample in range(params.samples)
    ]
    return await asyncio.gather(*jobs)


async def ask_questions(prompt: str, schema: type[TrainingQuestions], ask: Ask, params: Samples) -> list[Row]:
    """Return the questions of all samples of `prompt` as rows, and a row for each that is lost."""
    rows = []
    for reply in await ask_samples(prompt, schema, ask, params):
        questions, lost = reply.items(schema)
        rows += [Row("qa", row.question.strip(), row.reasoning.strip(), row.answer.strip()) for row in questions]
        rows += [Row("qa", dropped=reason) for reason in lost]
    return rows
