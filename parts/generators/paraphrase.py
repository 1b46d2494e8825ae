"""Rephrase a passage in four styles (arXiv 2401.16380): easy, medium, hard, questions and answers."""

import asyncio

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row, Source
from parts.project import prompts


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.paraphrase` of params.yaml."""

    samples: int = Field(ge=1)  # documents per passage and style
    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the documents on one passage, `samples` per style."""
    passage = source.quoted()
    styles = [
        prompts.render("paraphrase/easy", passage=passage),
        prompts.render("paraphrase/medium", passage=passage),
        prompts.render("paraphrase/hard", passage=passage),
        prompts.render("paraphrase/questions", passage=passage),
    ]
    jobs = [_rewrite(prompt, sample, ask, params) for prompt in styles for sample in range(params.samples)]
    return list(await asyncio.gather(*jobs))


async def _rewrite(prompt: str, sample: int, ask: Ask, params: Params) -> Row:
    reply = await ask(prompt, sample=sample, temperature=params.temperature, top_p=params.top_p)
    return Row("document", dropped=reply.problem) if reply.problem else Row("document", completion=reply.text.strip())
