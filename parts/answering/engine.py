"""What every engine has in common: how a question is put, and what comes back. Here prompts are made the same for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from parts.project import answer_format
from parts.retrieval.contexts import Passage


@dataclass(frozen=True)
class Response:
    """What the model said to one prompt."""

    text: str
    prompt_tokens: int
    new_tokens: int
    stopped: bool
    """by its own end token, not by the limit"""
    first: float
    """seconds from when it was asked to its first token"""


class Engine(Protocol):
    """What answers."""

    def prompt(
        self, question: str, passages: Sequence[Passage], options: Sequence[str] | None = None
    ) -> tuple[str, int]:
        """Return the prompt for `question`, and how many of `passages` (best first) it shows."""

    def respond(self, prompts: Sequence[str], batch: int, what: str | None = None) -> list[Response]:
        """Return the greedy response to each of `prompts`, `batch` at a time; `what` names the bar, None: no bar."""

    def choose(self, prompt: str, options: Sequence[str]) -> str | None:
        """Return the likeliest of `options` as the answer to `prompt`; None when the engine cannot tell."""


class PromptBuilder:
    """The prompts of an engine: the student's own chat template, so that every engine reads the same text."""

    def __init__(self, tokenizer, max_new_tokens: int, max_prompt_tokens: int):
        self.tokenizer = tokenizer
        self.max_new_tokens, self.max_prompt_tokens = max_new_tokens, max_prompt_tokens

    def prompt(
        self, question: str, passages: Sequence[Passage], options: Sequence[str] | None = None
    ) -> tuple[str, int]:
        """Return the prompt for `question`, and how many of `passages` (best first) it shows: as many as there is room for.

        The best passage stands last, next to the question.
        """
        for shown in range(len(passages), -1, -1):
            chat = answer_format.build_messages(question, list(reversed(passages[:shown])), options)
            text = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
            if shown == 0 or self.tokens(text) <= self.max_prompt_tokens:
                break
        return text, shown

    def tokens(self, text: str) -> int:
        """Return how many tokens `text` is, as it stands."""
        return len(self.tokenizer(text, add_special_tokens=False).input_ids)
