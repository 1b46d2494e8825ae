"""What the generators share: their rows, and how one is loaded by name."""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel

from parts.llm.reply import Reply
from parts.project import params

Ask = Callable[..., Awaitable[Reply]]
"""`parts.llm.client.Client.ask`"""


@dataclass(frozen=True)
class Row:
    """A question with reasoning and answer, a document (`completion` only), or a request without a result."""

    kind: str
    """qa or document"""
    prompt: str = ""
    reasoning: str = ""
    completion: str = ""
    dropped: str | None = None
    """reason why the request has no result; None: a row"""


def evenly_spread(total: int, count: int) -> set[int]:
    """Return `count` indices below `total`, evenly spread; all of them where `total` is smaller."""
    count = min(count, total)
    return {n * total // count for n in range(count)}


def load_generator(name: str) -> tuple[Callable[..., Awaitable[list]], BaseModel]:
    """Return `generate` of the generator `name` and its section of params.yaml."""
    module = importlib.import_module(f"parts.generators.{name}")
    return module.generate, params.load(f"synthesize.{name}", module.Params)
