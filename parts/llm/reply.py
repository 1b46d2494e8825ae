"""Read the reply of a chat model, whatever server it comes from: its text without its thoughts, and what is wrong with it.

Servers of the protocol differ in how a reply ends, where thoughts stand and what content is. What is not known to be whole
is a problem, which callers count by its name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from parts.llm import structured_output
from parts.llm.server_reply import BROKEN, ServerReply

Model = TypeVar("Model", bound=BaseModel)

WHOLE = {
    "", "null", "stop", "stop_sequence", "eos", "eos_token", "endoftext", "end_turn", "complete", "completed", "finish",
}  # fmt: skip
"""How a whole reply ends, in lower case: OpenAI, vLLM, llama.cpp, TGI, Mistral, Gemini, Cohere, Anthropic, Bedrock."""
CUT_OFF = {"length", "model_length", "model_context_window_exceeded"}  # and all with max_ and tokens in them
FILTERED = re.compile(r"filter|safety|recitation|blocklist|prohibited|spii|guardrail|toxic")
DECLINED, THOUGHTS = "declined", "thoughts alone"

_THOUGHTS = re.compile(r"\s*(?:<(think|thinking|thought|reasoning)>|\[(THINK)\])")
_THOUGHTS_END = re.compile(r"</think>\s*(?:\n|$)")  # where the chat template wrote the beginning


@dataclass(frozen=True)
class Reply:
    """The reply to one prompt: its text, and what is wrong with it."""

    text: str
    problem: str | None = None
    """refused, cut off, filtered, declined, thoughts alone, broken text, ended by ...; None: no problem"""

    def parse(self, model: type[Model]) -> tuple[Model | None, str | None]:
        """Return the text as a `model` and None; or None and why: the problem, or "unparsed" where it does not validate."""
        if self.problem:
            return None, self.problem
        return structured_output.parse(self.text, model)

    def items(self, model: type[Model]) -> tuple[list, list[str]]:
        """Return the whole items of the one list that a `model` is, and a reason for each item that is lost.

        A reply without any has one reason: that of `parse`.
        """
        if self.problem:
            return [], [self.problem]
        return structured_output.parse_items(self.text, model)

    def is_read(self, model: type[BaseModel]) -> bool:
        """Tell whether the text is a `model`, or has whole items of the one list that it is."""
        return not self.problem and structured_output.is_read(self.text, model)


def read_reply(response: ServerReply) -> Reply:
    """Return the reply in a response of the chat endpoint."""
    if response.problem:
        return Reply("", response.problem)
    choice, message = _first_choice(response.json)
    if message is None:
        return Reply("", BROKEN)
    text, is_unclosed = _without_thoughts(_content(message.get("content")))
    problem = finish_problem(choice.get("finish_reason")) or ("cut off" if is_unclosed else None)
    if message.get("refusal"):
        problem = DECLINED
    if not structured_output.is_text(text):
        return Reply("", problem or structured_output.BAD_TEXT)
    if not problem and not text.strip() and _thinks(message):
        problem = THOUGHTS
    return Reply(text, problem)


def finish_problem(reason: Any) -> str | None:
    """Return what is wrong with a reply that ended for a finish `reason`; None: it is whole."""
    name = str("" if reason is None else reason).lower()
    if name in WHOLE:
        return None
    if name in CUT_OFF or ("max_" in name and "tokens" in name):
        return "cut off"
    if FILTERED.search(name):
        return "filtered"
    if name == "refusal":
        return DECLINED
    return f"ended by {re.sub(r'[^a-z0-9]+', ' ', name)[:30].strip() or 'something'}"  # the server's word, which is counted


def _first_choice(response: dict) -> tuple[dict, dict | None]:
    """Return the first choice and its message; None where there is none."""
    choices = response.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    return (choice, message) if isinstance(message, dict) else ({}, None)


def _content(content: Any) -> str:
    """Return a message's content as one text; of a list of parts, the text of those that are no thoughts."""
    text = "".join(_texts(content)) if isinstance(content, list) else content if isinstance(content, str) else ""
    return text.removeprefix("\ufeff")


def _texts(parts: list) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict) and part.get("type", "text") in ("text", "output_text"):
            yield part["text"] if isinstance(part.get("text"), str) else ""


def _without_thoughts(text: str) -> tuple[str, bool]:
    """Return `text` without the thoughts before it, and whether they have no end."""
    start = 0
    while begin := _THOUGHTS.match(text, start):
        end = f"[/{begin[2]}]" if begin[2] else f"</{begin[1]}>"
        at = text.find(end, begin.end())
        if at < 0:
            return "", True
        start = at + len(end)
    if not start and (end := _THOUGHTS_END.search(text)):
        start = end.end()
    return text[start:].lstrip() if start else text, False


def _thinks(message: dict) -> bool:
    """Tell whether a message has thoughts, in a field of their own or before its content."""
    fields = (message.get(name) or "" for name in ("reasoning_content", "reasoning", "content"))
    return any(str(field).strip() for field in fields)
