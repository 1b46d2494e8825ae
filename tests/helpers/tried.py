"""What the tests tried of students and servers, as the tables of docs/models.md: `python -m tests.helpers.tried` writes them."""

import asyncio
import contextlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from parts.llm import transport
from parts.llm.client import connect
from parts.project.errors import UserError
from parts.project.sections import Server, Student
from parts.student import model
from parts.student.chat_format import ChatFormat
from parts.text.markdown import table
from tests.conftest import ScriptedServer, serving
from tests.helpers.chat_families import FAMILIES, IM, R1, Family, tokenizer
from tests.helpers.source_code import ROOT

PAGE, MARK = ROOT / "docs/models.md", "<!-- tests/helpers/tried.py -->"

STUDENTS = FAMILIES | {
    "r1": Family(R1, [*IM, "<|User|>", "<|Assistant|>", "<|end|>"], "<|end|>", "<|im_start|>"),
    "a broken template": Family("{% for", IM, "<|im_end|>"),
}

GOOD = '{"word": "lamp"}'


class Word(BaseModel):
    """A reply of one word."""

    word: str


def refusing(name: str, words: str) -> Callable[[dict], tuple[int, dict] | None]:
    """Return a server that refuses requests with the parameter `name`, in `words`."""
    return lambda asked: (400, {"error": {"message": words}}) if name in asked else None


def format_of(kind: str) -> Callable[[dict], tuple[int, dict] | None]:
    error = {"error": {"message": f"response_format of type {kind} is not supported"}}
    return lambda asked: (400, error) if asked.get("response_format", {}).get("type") == kind else None


def saying(content: object, finish: str = "stop", **message: object) -> Callable[[dict], tuple[int, dict]]:
    body = ScriptedServer.answer(content, finish)
    body["choices"][0]["message"] |= message
    return lambda asked: (200, body)


def heedless(asked: dict) -> tuple[int, dict]:
    in_words = "JSON schema" in asked["messages"][0]["content"]
    return 200, ScriptedServer.answer(
        f"Here it is:\n```json\n{GOOD}\n```\nAnything else?" if in_words else "It is a lamp."
    )


SERVERS: dict[str, Callable[[dict], tuple[int, dict] | None]] = {
    "OpenAI, vLLM, llama.cpp: all of the protocol": lambda asked: None,
    "refuses `seed` (Mistral, Gemini)": refusing("seed", 'Unknown name "seed": Cannot find field.'),
    "refuses `temperature` (reasoning models)": refusing(
        "temperature", "temperature does not support 0.7 with this model"
    ),
    "wants `max_completion_tokens`": refusing("max_tokens", "max_tokens is not supported. Use max_completion_tokens."),
    "takes json_object, not json_schema": format_of("json_schema"),
    "takes no response_format": refusing("response_format", "response_format is not supported"),
    "pays no heed to the schema": heedless,
    "thinks in the content": saying(f"<think>\nA lamp, I think.\n</think>\n{GOOD}"),
    "thinks without end": saying("<think>\nA lamp, I think."),
    "thinks in a field of its own": saying(GOOD, reasoning_content="A lamp, I think."),
    "content as parts": saying([{"type": "text", "text": GOOD}]),
    "content null": saying(None),
    "cut off, in other words (`MAX_TOKENS`)": saying('{"word": "la', "MAX_TOKENS"),
    "filtered (`SAFETY`)": saying("", "SAFETY"),
    "no choice in the reply": lambda asked: (200, {"choices": []}),
    "counts no tokens": lambda asked: (200, {k: v for k, v in ScriptedServer.answer(GOOD).items() if k != "usage"}),
    "refuses the key": lambda asked: (401, {"error": {"message": "Incorrect API key provided"}}),
    "does not have the model": lambda asked: (404, {"error": {"message": "The model `m` does not exist"}}),
    "has no money left": lambda asked: (429, {"error": {"message": "no credit", "code": "insufficient_quota"}}),
    "an error with status 200": lambda asked: (200, {"error": {"message": "overloaded"}}),
    "moves to another address": lambda asked: (307, {}),
}
"""kind of server -> how it answers a request; None: as asked"""


def student_outcome(family: Family) -> str:
    """Return what becomes of a student with the template of `family`."""
    made = tokenizer(family)
    decided = ["a plain template of ours"] if not made.chat_template else []
    made.chat_template = made.chat_template or model.PLAIN_CHAT.read_text()
    try:
        chat = ChatFormat(made, Student(model="m"))
    except UserError as error:
        return f"one line: {str(error).partition(': choose')[0]}"
    decided += [f"`{name}` is {json.dumps(value)}" for name, value in chat.settings.items()]
    if not chat.has_system:
        decided.append("system words before the question")
    if "strftime_now" in (family.template or ""):
        decided.append("one date for all runs")
    if chat.begin and chat.begin not in (family.template or "") and "bos_token" not in (family.template or ""):
        decided.append(f"begins with `{chat.begin}`")
    if chat.end != family.eos:
        decided.append(f"a turn ends with `{chat.end}`")
    return f"adapts: {', '.join(decided)}" if decided else "works"


def server_outcome(answer: Callable[[dict], tuple[int, dict] | None]) -> str:
    """Return what becomes of a request to a server that answers by `answer`."""
    with serving() as server, tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        server.default, own = GOOD, server.reply
        server.reply = lambda asked: answer(asked) or own(asked)
        patch.setenv("OPENAI_BASE_URL", server.url)
        patch.setenv("CLOSEDBOOK_CACHE", cache)
        patch.setattr(transport, "MAX_BACKOFF", 0)

        async def work() -> list:
            async with connect(Server(model="m")) as client:
                asking = {"schema": Word, "temperature": 0.7, "max_tokens": 9}
                replies = [await client.ask(f"{n}", **asking) for n in range(5)]
                return [*[reply.parse(Word) for reply in replies], client.schema_in_prompt, client.meter.estimated]

        stderr = io.StringIO()
        try:
            with contextlib.redirect_stderr(stderr):
                *parsed, is_in_words, estimated = asyncio.run(work())
        except UserError as error:
            line = re.sub(r"http://127\S+?v1", "its address", str(error)).partition(": check OPENAI")[0]
            return f"one line: {line}"
    problems = {problem for _, problem in parsed if problem}
    if problems:
        return f"a lost row, counted as: {', '.join(sorted(problems))}"
    told = re.findall(r"v1: (.*), for the server refused it", stderr.getvalue())
    told += ["asked in words"] * (is_in_words and not told) + ["tokens are estimated"] * bool(estimated)
    return f"adapts: {', '.join(told)}" if told else "works"


def tables() -> str:
    """Return both tables."""
    students = [(name, student_outcome(family)) for name, family in STUDENTS.items()]
    servers = [(name, server_outcome(answer)) for name, answer in SERVERS.items()]
    return "\n\n".join(
        [
            table(("student with the chat template of", "becomes"), students),
            table(("teacher or judge that", "becomes"), servers),
        ]
    )


def page(text: str) -> str:
    """Return the page `text` with the tables between its marks."""
    before, _, after = text.split(MARK)
    return f"{before}{MARK}\n{tables()}\n{MARK}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"{Path(PAGE).relative_to(ROOT)}: written", file=sys.stdout)
