"""Active Reading (arXiv 2508.09494): the teacher names strategies to study a passage, and writes a document by each."""

import asyncio

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row, Source
from parts.project import prompts
from parts.safety import quoting


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.active_reading` of params.yaml."""

    strategies: int = Field(ge=1)  # per passage
    samples: int = Field(ge=1)  # documents per strategy
    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)


class Strategies(BaseModel):
    """What the teacher is to return first."""

    strategies: list[str]


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the documents on one passage, one per strategy and sample."""
    passage = source.quoted()
    sampling = {"temperature": params.temperature, "top_p": params.top_p}
    prompt = prompts.render("active_reading/strategies", count=params.strategies, passage=passage)
    reply = await ask(prompt, schema=Strategies, **sampling)
    strategies, lost = reply.items(Strategies)
    jobs = [
        _apply(passage, strategy, sample, ask, sampling)
        for strategy in strategies[: params.strategies]
        for sample in range(params.samples)
    ]
    return [*await asyncio.gather(*jobs), *(Row("document", dropped=reason) for reason in lost)]


async def _apply(passage: str, strategy: str, sample: int, ask: Ask, sampling: dict[str, float]) -> Row:
    prompt = prompts.render("active_reading/apply", strategy=quoting.quoted(strategy), passage=passage)
    reply = await ask(prompt, sample=sample, **sampling)
    return Row("document", dropped=reply.problem) if reply.problem else Row("document", completion=reply.text.strip())
