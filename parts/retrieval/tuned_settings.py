"""What the stage `tune` found best on development questions: metrics/tune.json, for those who search and answer."""

from pydantic import BaseModel, Field

from parts.project import metrics
from schemas.errors import Mistake


class Tuned(BaseModel, frozen=True):
    """The chosen values; what they were chosen by stands beside them in the file."""

    passages: int = Field(ge=0)  # shown with a question, at most
    words: float = Field(ge=0, le=1)  # weight of the full text in hybrid retrieval; the vectors have the rest


def read() -> Tuned:
    """Return the values. Raises Mistake when they are not there yet."""
    try:
        return Tuned.model_validate(metrics.read("tune"))
    except FileNotFoundError as error:
        raise Mistake("metrics/tune.json is not there yet: `dvc repro tune` makes it") from error
