"""What a server replies: a response that can be used, or what is wrong with it; its tokens; the words of an error."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

RETRIABLE = {408, 409, 429, *range(500, 600)}
MAX_WORDS = 200  # characters of a server's error that are shown
MAX_ERROR = 4000  # characters of it that are read
MAX_TOKENS = 10**9  # of one request; more is no count

DROPPED, LATE, BROKEN, NO_TEXT = "dropped", "timed out", "broken answer", "no text"


@dataclass(frozen=True)
class ServerReply:
    """The response to a request: its body, parsed, or the reason there is none."""

    body: bytes = b""
    json: dict = field(default_factory=dict)
    status: int = 200
    problem: str | None = None
    """refused (400), dropped, timed out, broken answer, no text; None: no problem"""
    wait: float | None = None
    """seconds, of Retry-After"""
    words: str = ""
    """what the server, or the network, says about the problem"""

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be answered later, as it stands."""
        return self.problem not in (None, NO_TEXT) and self.status in RETRIABLE


class Usage(NamedTuple):
    """The tokens of a request."""

    prompt_tokens: int
    new_tokens: int
    is_estimated: bool
    """whether the server does not say"""


def parse_body(body: bytes) -> ServerReply:
    """Return the reply in `body`, of status 200. What has a problem is of no use, and must not be stored."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        response = None
    problem = _problem(response)
    if not problem:
        return ServerReply(body, response)
    words = printable(error_text(body))
    return ServerReply(body, response if isinstance(response, dict) else {}, 502, problem, words=words)


def _problem(response: Any) -> str | None:
    """Return why a response is of no use: broken for a proxy's page, half a document or an error with status 200."""
    if not isinstance(response, dict) or response.get("error"):
        return BROKEN
    if "choices" not in response and _is_embeddings(response.get("data")):
        return None
    choices = response.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict) or not isinstance(message.get("content"), str | list | None):
        return NO_TEXT
    return BROKEN if choice.get("finish_reason") == "error" else None


def _is_embeddings(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and all(isinstance(row, dict) and row.get("embedding") for row in data)


def token_usage(response: dict, prompt_bytes: int, body_bytes: int) -> Usage:
    """Return the tokens of a response, a quarter of a token a byte where it does not say; embeddings have no new ones."""
    usage = response.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    prompt, new = _count(usage.get("prompt_tokens"), 1), _count(usage.get("completion_tokens"), 0)
    if "choices" not in response:
        new = new or 0
    is_estimated = prompt is None or new is None
    prompt = math.ceil(prompt_bytes / 4) if prompt is None else prompt
    return Usage(prompt, math.ceil(body_bytes / 4) if new is None else new, is_estimated)


def _count(value: Any, least: int) -> int | None:
    """Return `value` as a count of tokens; None where it is none."""
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= MAX_TOKENS
    return int(value) if is_count else None


def error_text(body: bytes) -> str:
    """Return what an error says: its messages, or the first of the body where it has none."""
    try:
        messages = list(_messages(json.loads(body)))
    except (ValueError, RecursionError):
        messages = []
    return (" ".join(messages) or body[:MAX_ERROR].decode(errors="replace"))[:MAX_ERROR]


def printable(text: str) -> str:
    """Return the first of `text`, on one line and without control characters."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:MAX_ERROR]).split())
    return line if len(line) <= MAX_WORDS else f"{line[: MAX_WORDS - 1]}…"


def _messages(error: Any) -> Iterator[str]:
    """Yield the messages in an error: of OpenAI's form, Google's list of one, or FastAPI's list of details."""
    if isinstance(error, str):
        yield error
    elif isinstance(error, list):
        for each in error:
            yield from _messages(each)
    elif isinstance(error, dict):
        if isinstance(error.get("loc"), list):
            yield ".".join(map(str, error["loc"])) + ":"
        for key in ("error", "message", "detail", "msg", "param"):
            yield from _messages(error.get(key))
