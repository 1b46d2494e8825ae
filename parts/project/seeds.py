"""The seeds of the trainings: `train.seeds` of params.yaml, of each of which there is a student of its own."""

from pydantic import BaseModel, Field, PositiveInt, field_validator

from parts.project import params

RELEASED = 0
"""In place of a seed, in Answers and Scores: the student as released, which no training here has changed."""


class Trainings(BaseModel, extra="ignore", frozen=True):
    """Of section `train` of params.yaml, which trainings there are."""

    seeds: list[PositiveInt] = Field(
        min_length=1
    )  # a training each; the first is released, timed and compared for parity

    @field_validator("seeds")
    @classmethod
    def ascending(cls, seeds: list[int]) -> list[int]:
        """Return `seeds`. Raises ValueError unless each is above the one before it."""
        if seeds != sorted(set(seeds)):
            raise ValueError("seeds must differ, the lowest first")
        return seeds


def seeds_of(model: str) -> list[int]:
    """Return the seeds of the trainings of `model` (of an arm), ascending; RELEASED alone for the student as released."""
    return [RELEASED] if model == "student" else params.load("train", Trainings).seeds
