"""One training row as a generator makes it."""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel

from parts.llm.client import Reply
from parts.project import params

Ask = Callable[..., Awaitable[Reply]]
"""llm.Client.ask"""


@dataclass(frozen=True)
class Row:
    """A question with its reasoning and answer, or a document (`completion` alone), or a request that came to nothing."""

    kind: str
    prompt: str = ""
    reasoning: str = ""
    completion: str = ""
    dropped: str | None = None
    """why nothing came of it; None: a row"""


def evenly_spread(total: int, count: int) -> set[int]:
    """Return `count` of `total` numbers, evenly spread."""
    count = min(count, total)
    return {at * total // count for at in range(count)}


def load_generator(name: str) -> tuple[Callable[..., Awaitable[list]], BaseModel]:
    """Return what the generator `name` makes rows with, and its knobs."""
    part = importlib.import_module(f"parts.generators.{name}")
    return part.generate, params.load(f"synthesize.{name}", part.Params)
