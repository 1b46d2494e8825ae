"""What every arm answers with: an engine, and the passages it may show."""

import polars as pl
from pydantic import BaseModel, Field, computed_field

from parts import params, tuned
from parts.arms import RELEASED, Arm
from parts.engines.transformers import Engine, Passage
from parts.student import Student, tokenizer


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `answer` of params.yaml: the same for every arm."""

    max_prompt_tokens: int = Field(ge=16)  # passages that do not fit are left out, the worst first
    max_new_tokens: int = Field(ge=1)
    batch: int = Field(ge=1)  # questions at once

    @computed_field
    @property
    def passages(self) -> int:
        """The best of those retrieved, at most: as many as the stage `tune` found best."""
        return tuned.read().passages


def engine(arm: Arm, given: Params) -> Engine:
    """Return the engine that answers for `arm`."""
    student = params.load("student", Student)
    model = student.model if arm.weights == RELEASED else arm.weights
    return Engine(model, tokenizer(student), given.max_new_tokens, given.max_prompt_tokens)


def passages(contexts: pl.DataFrame, chunks: pl.DataFrame, most: int) -> dict[str, list[Passage]]:
    """Return the best `most` passages of each question as (heading, text), best first."""
    joined = (
        contexts.filter(pl.col("rank") <= most).join(chunks, "chunk_id", validate="m:1").sort("question_id", "rank")
    )
    parts = joined.group_by("question_id", maintain_order=True)
    return {question_id: part.select("heading", "text").rows() for (question_id,), part in parts}
