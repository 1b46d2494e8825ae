"""Focal rewriting (arXiv 2603.23562): Active Reading with a focus on a question that the teacher makes up."""

import asyncio

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row, Source
from parts.project import prompts
from parts.safety import quoting


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.focal` of params.yaml."""

    questions: int = Field(ge=1)  # per passage, each with a strategy
    samples: int = Field(ge=1)  # documents per question
    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)


class Aim(BaseModel):
    """A question to study for, and how."""

    question: str
    strategy: str


class Aims(BaseModel):
    """What the teacher is to return first."""

    aims: list[Aim]


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the documents on one passage, `samples` per question."""
    passage = source.quoted()
    sampling = {"temperature": params.temperature, "top_p": params.top_p}
    reply = await ask(prompts.render("focal/aims", count=params.questions, passage=passage), schema=Aims, **sampling)
    aims, lost = reply.items(Aims)
    aims = aims[: params.questions]
    jobs = [_apply(passage, aim, sample, ask, sampling) for aim in aims for sample in range(params.samples)]
    return [*await asyncio.gather(*jobs), *(Row("document", dropped=reason) for reason in lost)]


async def _apply(passage: str, aim: Aim, sample: int, ask: Ask, sampling: dict[str, float]) -> Row:
    strategy, question = quoting.quoted(aim.strategy), quoting.quoted(aim.question)
    prompt = prompts.render("focal/apply", strategy=strategy, question=question, passage=passage)
    reply = await ask(prompt, sample=sample, **sampling)
    return Row("document", dropped=reply.problem) if reply.problem else Row("document", completion=reply.text.strip())
