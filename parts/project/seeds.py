"""The seeds of the trainings, `seeds` of sections train and train_raw, of each of which there is a student of its own."""

from parts.project import params
from parts.project.sections import Trainings

RELEASED = 0
"""In place of a seed, in Answers and Scores: the student as released, which no training here has changed."""


def seeds_of(model: str) -> list[int]:
    """Return the seeds of the trainings of `model` (of an arm), ascending; RELEASED alone for the student as released."""
    match model:
        case "student":
            return [RELEASED]
        case "raw":
            return params.load("train_raw", Trainings).seeds
        case _:
            return params.load("train", Trainings).seeds
