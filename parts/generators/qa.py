"""Open questions whose answers explain their reasoning: the QA half of Synthetic Mixed Training (arXiv 2603.23562)."""

from pydantic import BaseModel, Field

from parts.generators.shared.base import Ask, Row, Source
from parts.generators.shared.question_rows import TrainingQuestions, ask_questions
from parts.project import prompts


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `synthesize.qa` of params.yaml."""

    samples: int = Field(ge=1)  # requests per passage
    count: int = Field(ge=1)  # questions per request
    temperature: float = Field(ge=0)


async def generate(source: Source, ask: Ask, params: Params) -> list[Row]:
    """Return the questions of all samples on one passage."""
    prompt = prompts.render("qa/questions", count=params.count, passage=source.quoted())
    return await ask_questions(prompt, TrainingQuestions, ask, params)
