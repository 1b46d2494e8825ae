"""Whatever a teacher or a judge replies, it is rows, or a loss that is counted: never a traceback."""

import asyncio
import importlib

import numpy as np
import pytest

from parts.corpus import exam_writer
from parts.llm.client import connect
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.scoring import judge, ragas
from tests.conftest import ScriptedServer
from tests.helpers.schema_server import GENERATORS, knobs, source

SERVER = Server(model="m", embedding="e")
DIGITS = "9" * 5000


def both(reason: str, verdict: str, question: str, answer: str) -> str:
    """Return JSON that is a verdict, and a question."""
    row = f'{{"question": {question}, "reasoning": {answer}, "answer": {answer}}}'
    return f'{{"reason": {reason}, "verdict": {verdict}, "questions": [{row}]}}'


REPLIES = {
    "deep lists": "[" * 100_000,
    "deep objects": '{"questions":' * 100_000,
    "deep and whole": '{"questions": ' + "[" * 900 + "]" * 900 + "}",
    "a huge number": both('""', DIGITS, DIGITS, "1e400"),
    "no number": both('""', "NaN", "NaN", "-Infinity"),
    "NUL": both(r'"\u0000"', "1", r'"\u0000"', r'"\u0000"'),
    "half a pair": both(r'"\ud800"', "1", r'"\udc00"', '"b"'),
    "half a pair as a name": both('""', "1", '"a"', r'"b", "\udfff": "\u0000"'),
    "bare half": "\ud800",
    "brackets": "{[" * 50_000,
}


def call(work) -> object:
    async def run():
        async with connect(SERVER) as client:
            return await work(client)

    return asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("text", REPLIES.values(), ids=REPLIES)
def test_a_hostile_reply_is_counted_by_whoever_asks(cue, text):
    cue.default = text
    for name in GENERATORS:
        part = importlib.import_module(f"parts.generators.{name}")
        params = part.Params(**knobs(name))
        for row in call(
            lambda client, part=part, params=params: part.generate(source("a", "b 5."), client.ask, params)
        ):
            assert row.dropped or not {"\0", "\ud800"} & set(row.prompt + row.reasoning + row.completion)
    value, reason = call(lambda client: judge.score("What?", "Answer: a", "b", True, client))
    assert (value is None) == (reason in ("unparsed", "broken text")) and value in (None, 0, 1)
    scores = call(lambda client: ragas.Ragas(client).score(ragas.Sample("What?", "Answer: a", "b", ["c"], ["c"])))
    assert all(value is None or 0 <= value <= 1 for value, _ in scores.values())
    chunk = {"chunk_id": "d#1", "doc_id": "d", "heading": "a", "text": "b 5.", "quote": "b 5."}
    mix = exam_writer.ExamMix(two_documents=0, unanswerable=0)
    try:
        asyncio.run(exam_writer.write_exam([chunk], 1, mix, SERVER, embed=lambda texts: np.ones((len(texts), 1))))
    except UserError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("tokens", [float("inf"), float("nan"), 10**4000, -1, "9", None, [1], True])
def test_tokens_that_are_no_count_are_estimated(cue, tokens):
    body = ScriptedServer.answer('{"reason": "so", "verdict": 1}') | {
        "usage": {"prompt_tokens": tokens, "completion_tokens": tokens}
    }
    cue.reply = lambda asked: (200, body)
    assert call(lambda client: judge.score("What?", "Answer: a", "b", True, client)) == (1, "so")
