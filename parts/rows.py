"""One training row as a generator makes it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from parts.llm.client import Reply

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
