"""What tokens and seconds cost, from the dated prices.yaml."""

from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from schemas.errors import UserError

PATH = Path("prices.yaml")


class Tokens(BaseModel, extra="forbid", frozen=True):
    """US dollars per million tokens."""

    prompt: float
    new: float

    def of(self, prompt_tokens: int, new_tokens: int) -> float:
        """Return the price of so many tokens."""
        return (prompt_tokens * self.prompt + new_tokens * self.new) / 1e6


class Prices(BaseModel, extra="forbid", frozen=True):
    """What prices.yaml holds."""

    dated: date
    machine_per_hour: float
    models: dict[str, Tokens]

    def asked(self, model: str, prompt_tokens: int, new_tokens: int) -> float | None:
        """Return the price of what was asked of `model`; None for a model that prices.yaml does not list."""
        price = self.models.get(model)
        return price.of(prompt_tokens, new_tokens) if price else None

    def ran(self, seconds: float) -> float:
        """Return the price of the machine for `seconds`."""
        return seconds / 3600 * self.machine_per_hour


def load(path: Path = PATH) -> Prices:
    """Return the prices. Raises Mistake for a file that is not there or not as it should be."""
    try:
        return Prices.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError as error:
        raise UserError(f"{path} is not here: run from the repository's root") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: {error}") from error
