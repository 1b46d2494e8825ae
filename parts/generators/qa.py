"""Open questions whose answers explain their reasoning: the QA half of Synthetic Mixed Training (arXiv 2603.23562)."""

import asyncio

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row
from parts.project import prompts
from parts.safety import quoting


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.qa` of params.yaml."""

    samples: int = Field(ge=1)  # requests per passage
    count: int = Field(ge=1)  # questions per request
    temperature: float = Field(ge=0)


class Question(BaseModel):
    """One question with its answer."""

    question: str
    reasoning: str
    answer: str


class TrainingQuestions(BaseModel):
    """What the teacher is to return."""

    questions: list[Question]


async def generate(heading: str, text: str, ask: Ask, params: Params) -> list[Row]:
    """Return the questions of all samples on one passage."""
    prompt = prompts.render("qa/questions", count=params.count, passage=quoting.passage(heading, text))
    jobs = [_sample(prompt, sample, ask, params) for sample in range(params.samples)]
    return [row for rows in await asyncio.gather(*jobs) for row in rows]


async def _sample(prompt: str, sample: int, ask: Ask, params: Params) -> list[Row]:
    reply = await ask(prompt, schema=TrainingQuestions, sample=sample, temperature=params.temperature)
    questions, lost = reply.items(TrainingQuestions)
    rows = [Row("qa", row.question.strip(), row.reasoning.strip(), row.answer.strip()) for row in questions]
    return rows + [Row("qa", dropped=reason) for reason in lost]
