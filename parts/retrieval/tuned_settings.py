"""The settings of retrieval that the stage `tune_retrieval` chose: metrics/tune_retrieval.json."""

from pydantic import BaseModel, Field

from parts.project import metrics
from schemas.errors import UserError


class TunedSettings(BaseModel, frozen=True):
    """The chosen values; what they were chosen by stands beside them in the file."""

    passages: int = Field(ge=0)  # shown with a question, at most
    lexical_weight: float = Field(ge=0, le=1)  # weight of the full text in hybrid retrieval; the vectors have the rest


def read() -> TunedSettings:
    """Return the values. Raises Mistake when they are not there yet."""
    try:
        return TunedSettings.model_validate(metrics.read("tune_retrieval"))
    except FileNotFoundError as error:
        raise UserError("metrics/tune_retrieval.json is not there yet: `dvc repro tune_retrieval` makes it") from error
