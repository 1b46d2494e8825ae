"""Questions that take two passages of different documents, with the steps to their answer written out (multi-hop)."""

from pydantic import BaseModel, Field

from parts.corpus.exam_passages import linked_pairs
from parts.generators.shared.base import Ask, Row, Source
from parts.generators.shared.corpus import Corpus
from parts.generators.shared.question_rows import TrainingQuestions, ask_questions
from parts.project import prompts
from parts.safety import quoting


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.joined` of params.yaml."""

    pairs: int = Field(ge=1)  # of passages that share a name, at most
    samples: int = Field(ge=1)  # requests per pair
    count: int = Field(ge=1)  # questions per request
    temperature: float = Field(ge=0)


class JoinedQuestions(TrainingQuestions):
    """What the teacher is to return for two passages."""


def sources(corpus: Corpus, params: Params) -> list[Source]:
    """Return pairs of passages of different documents: one mentions a name that the other, which comes first, is about."""
    pairs = linked_pairs(corpus.chunks, params.pairs)
    return [Source(pair.second, (pair.first,), pair.name) for pair in pairs]


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the questions of all samples on two passages; one that has their name takes one passage only, and is dropped."""
    prompt = prompts.render(
        "joined/questions",
        count=params.count,
        link=quoting.quoted(source.link),
        first=source.quoted_others(),
        second=source.quoted(),
    )
    rows = await ask_questions(prompt, JoinedQuestions, ask, params)
    return [Row("qa", dropped="one passage") if source.link.lower() in row.prompt.lower() else row for row in rows]
