"""Read the retrieval settings that the stage `tune_retrieval` chose, from metrics/tune_retrieval.json."""

from pydantic import BaseModel, Field

from parts.project import metrics
from parts.project.errors import UserError


class TunedSettings(BaseModel, frozen=True):
    """The chosen values; the file has the figures of the other values too."""

    passages: int = Field(ge=0)  # passages shown with a question, at most
    lexical_weight: float = Field(ge=0, le=1)  # weight of full text in hybrid retrieval; vectors have the rest


def read() -> TunedSettings:
    """Return the chosen settings. Raises UserError if the file is missing."""
    try:
        return TunedSettings.model_validate(metrics.read("tune_retrieval"))
    except FileNotFoundError as error:
        raise UserError("metrics/tune_retrieval.json is missing: `dvc repro tune_retrieval` makes it") from error
