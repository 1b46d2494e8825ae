"""EntiGraph (arXiv 2409.07431): the teacher names a passage's entities, and writes on the relations of pairs and triples."""

import asyncio
import random
from itertools import combinations

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row, Source
from parts.project import prompts
from parts.safety import quoting


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.entigraph` of params.yaml."""

    entities: int = Field(ge=2)  # per passage, at most
    pairs: int = Field(ge=0)  # documents are written about, at most
    triples: int = Field(ge=0)  # likewise
    samples: int = Field(ge=1)  # documents per pair and triple
    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)


class Entities(BaseModel):
    """What the teacher is to return first."""

    entities: list[str]


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the documents on one passage, `samples` per chosen pair and triple of its entities."""
    passage = source.quoted()
    sampling = {"temperature": params.temperature, "top_p": params.top_p}
    prompt = prompts.render("entigraph/entities", count=params.entities, passage=passage)
    reply = await ask(prompt, schema=Entities, **sampling)
    entities, lost = reply.items(Entities)
    groups = choose_groups([" ".join(name.split()) for name in entities], params)
    jobs = [_relate(passage, group, sample, ask, sampling) for group in groups for sample in range(params.samples)]
    rows = [*await asyncio.gather(*jobs), *(Row("document", dropped=reason) for reason in lost)]
    return rows or [Row("document", dropped="no entities")]


def choose_groups(entities: list[str], params: Params) -> list[tuple[str, ...]]:
    """Return a sample of the pairs and triples of `entities`, seeded by the entities."""
    names = list(dict.fromkeys(filter(None, entities)))[: params.entities]
    rng = random.Random("\n".join(names))
    chosen = []
    for size, count in ((2, params.pairs), (3, params.triples)):
        groups = list(combinations(names, size))
        chosen += rng.sample(groups, min(count, len(groups)))
    return chosen


async def _relate(passage: str, group: tuple[str, ...], sample: int, ask: Ask, sampling: dict[str, float]) -> Row:
    prompt = prompts.render("entigraph/relate", entities="\n".join(map(quoting.quoted, group)), passage=passage)
    reply = await ask(prompt, sample=sample, **sampling)
    return Row("document", dropped=reply.problem) if reply.problem else Row("document", completion=reply.text.strip())
