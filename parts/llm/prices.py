"""Prices of tokens and of machine time, from the dated prices.yaml."""

from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, PositiveInt, ValidationError

from parts.project.errors import UserError
from parts.project.machine import Clock

PATH = Path("prices.yaml")


class Tokens(BaseModel, extra="forbid", frozen=True):
    """US dollars per million tokens."""

    prompt: float
    new: float

    def cost(self, prompt_tokens: int, new_tokens: int) -> float:
        """Return the dollars that so many tokens cost."""
        return (prompt_tokens * self.prompt + new_tokens * self.new) / 1e6


class Prices(BaseModel, extra="forbid", frozen=True):
    """The contents of prices.yaml."""

    dated: date
    machine_per_hour: float
    machine_cpus: PositiveInt
    models: dict[str, Tokens]

    def cost_of_tokens(self, model: str, prompt_tokens: int, new_tokens: int) -> float | None:
        """Return the dollars that tokens of `model` cost; None for a model that prices.yaml does not list."""
        price = self.models.get(model)
        return price.cost(prompt_tokens, new_tokens) if price else None

    def cost_of_machine(self, seconds: float, clock: Clock = "wall") -> float:
        """Return the dollars that the machine costs for `seconds`; those of `clock` cpu are of one of its CPUs."""
        return seconds / (self.machine_cpus if clock == "cpu" else 1) / 3600 * self.machine_per_hour


def load(path: Path = PATH) -> Prices:
    """Return the prices. Raises UserError for a missing or invalid file."""
    try:
        return Prices.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError as error:
        raise UserError(f"{path} is not here: run from the repository's root") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: {error}") from error
