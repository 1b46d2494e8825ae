"""What all engines share: prompts by one chat template, and the response."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import mean
from typing import Protocol

from parts.project.errors import UserError
from parts.project.machine import Clock
from parts.retrieval.contexts import Passage
from parts.student.chat_format import ChatFormat, without_thought
from parts.text import answer_format


@dataclass(frozen=True)
class Response:
    """The model's response to one prompt."""

    text: str
    """without the thought before it; empty where the thought does not end"""
    prompt_tokens: int
    new_tokens: int
    stopped: bool
    """by its end token, not by the limit"""
    first_token_seconds: float
    """from the request to the first token"""
    confidence: float | None = None
    """the geometric mean of its tokens' probabilities, 0..1; None where the engine does not tell"""

    def __post_init__(self):
        object.__setattr__(self, "text", without_thought(self.text))


def geometric_mean(logprobs: Sequence[float]) -> float | None:
    """Return the geometric mean of probabilities from their logarithms; None where there are none."""
    return exp(mean(logprobs)) if logprobs else None


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
    """Builds prompts by the student's chat format, so that the model reads the same text with every engine.

    Raises UserError where prompts and answers, as long as they may be, are longer than the student's context.
    """

    def __init__(self, chat: ChatFormat, max_new_tokens: int, max_prompt_tokens: int):
        self.chat, self.tokenizer = chat, chat.tokenizer
        self.max_new_tokens, self.max_prompt_tokens = max_new_tokens, max_prompt_tokens
        if chat.context and max_prompt_tokens + max_new_tokens > chat.context:
            raise UserError(
                f"params.yaml: answer.max_prompt_tokens and answer.max_new_tokens are {max_prompt_tokens} and "
                f"{max_new_tokens}, more than {chat.model} reads and writes ({chat.context} tokens)"
            )

    def prompt(
        self, question: str, passages: Sequence[Passage], options: Sequence[str] | None = None
    ) -> tuple[str, int]:
        """Return the prompt for `question`, and how many of `passages` (best first) it shows: as many as fit.

        The best passage stands last, next to the question. Raises UserError for a question that is longer than the
        student's context.
        """
        for shown in range(len(passages), -1, -1):
            messages = answer_format.build_messages(question, list(reversed(passages[:shown])), options)
            text = self.chat.prompt(messages)
            n_tokens = self.tokens(text)
            if n_tokens <= self.max_prompt_tokens:
                break
        if self.chat.context and n_tokens + self.max_new_tokens > self.chat.context:
            raise UserError(
                f"a question of {n_tokens} tokens, with {self.max_new_tokens} for its answer, is longer than "
                f"{self.chat.model} reads and writes ({self.chat.context} tokens): {question[:60]}"
            )
        return text, shown

    def tokens(self, text: str) -> int:
        """Return the number of tokens in `text`, without special tokens added."""
        return len(self.chat.ids(text))


def crowding(shown: Sequence[int], retrieved: Sequence[int]) -> str:
    """Return a caution where prompts had no room for some of the passages `retrieved` for a question; else nothing."""
    if sum(shown) == sum(retrieved):
        return ""
    return (
        f"caution: of {mean(retrieved):.1f} passages a question {mean(shown):.1f} fit into answer.max_prompt_tokens: raise "
        "it, or lower chunk.max_tokens"
    )
