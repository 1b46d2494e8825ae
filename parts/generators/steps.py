"""Questions that take a step beyond what is stated: comparisons, totals, counts and orders, with the step written out."""

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row, Source, beside_alike
from parts.generators.shared.corpus import Corpus
from parts.generators.shared.question_rows import TrainingQuestions, ask_questions
from parts.project import prompts


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.steps` of params.yaml."""

    alike: int = Field(ge=1)  # documents that each one is compared with, those most like it
    characters: int = Field(ge=200)  # of a document in a prompt, at most; a longer one is taken in parts
    samples: int = Field(ge=1)  # requests per document
    count: int = Field(ge=1)  # questions per request
    temperature: float = Field(ge=0)


class StepQuestions(TrainingQuestions):
    """What the teacher is to return for documents of one kind."""


def sources(corpus: Corpus, params: Params) -> list[Source]:
    """Return each document, or each part of a longer one, with those most like it."""
    return beside_alike(corpus, params.characters, params.alike)


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the questions of all samples on a document and those like it."""
    passages = f"{source.quoted()}\n\n{source.quoted_others()}"
    prompt = prompts.render("steps/questions", count=params.count, passages=passages)
    return await ask_questions(prompt, StepQuestions, ask, params)
