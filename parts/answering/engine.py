"""What all engines share: prompts by one chat template, and the response."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from parts.project.machine import Clock
from parts.retrieval.contexts import Passage
from parts.text import answer_format


@dataclass(frozen=True)
class Response:
    """The model's response to one prompt."""

    text: str
    prompt_tokens: int
    new_tokens: int
    stopped: bool
    """by its end token, not by the limit"""
    first_token_seconds: float
    """from the request to the first token"""


class Engine(Protocol):
    """A model that answers. `clock`: by which its work is charged."""

    clock: Clock

    def prompt(
        self, question: str, passages: Sequence[Passage], options: Sequence[str] | None = None
    ) -> tuple[str, int]:
        """Return the prompt for `question`, and how many of `passages` (best first) it shows."""

    def respond(self, prompts: Sequence[str], batch: int, desc: str | None = None) -> list[Response]:
        """Return the greedy response to each of `prompts`, `batch` at a time, with a progress bar where `desc` labels one."""

    def choose(self, prompt: str, options: Sequence[str]) -> str | None:
        """Return the likeliest of `options` as the answer to `prompt`; None when the engine cannot tell."""


class PromptBuilder:
    """Builds prompts by the student's chat template, so that the model reads the same text with every engine."""

    def __init__(self, tokenizer, max_new_tokens: int, max_prompt_tokens: int):
        self.tokenizer = tokenizer
        self.max_new_tokens, self.max_prompt_tokens = max_new_tokens, max_prompt_tokens

    def prompt(
        self, question: str, passages: Sequence[Passage], options: Sequence[str] | None = None
    ) -> tuple[str, int]:
        """Return the prompt for `question`, and how many of `passages` (best first) it shows: as many as fit.

        The best passage stands last, next to the question.
        """
        for shown in range(len(passages), -1, -1):
            messages = answer_format.build_messages(question, list(reversed(passages[:shown])), options)
            text = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            if shown == 0 or self.tokens(text) <= self.max_prompt_tokens:
                break
        return text, shown

    def tokens(self, text: str) -> int:
        """Return the number of tokens in `text`, without special tokens added."""
        return len(self.tokenizer(text, add_special_tokens=False).input_ids)
