"""No key is printed, written, cached or sent to a server that it is not for, whatever the servers reply."""

import asyncio
import contextlib
import json
import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from parts.answering import openai_engine
from parts.corpus import exam_writer
from parts.llm import network, transport
from parts.llm.client import connect
from parts.llm.failures import Failures
from parts.llm.server_reply import MAX_WORDS, printable
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.retrieval import postgres
from parts.scoring import judge, ragas
from stages import synthesize
from tests.helpers import http_server
from tests.test_synthesize import lamps  # noqa: F401

KEYS = {
    name: f"mark-{name.lower()}" for name in ("OPENAI_API_KEY", "CLOSEDBOOK_ENGINE_KEY", "CLOSEDBOOK_DSN", "HTTP_PROXY")
}
MODEL = Server(model="m", embedding="e")
ANSWER = {"choices": [{"message": {"content": '{"questions": [{"question": "a?", "reasoning": "b", "answer": "c"}]}'}}]}


@contextlib.contextmanager
def echo(status: int, body: object = None):
    """Yield the URL of a server that replies `status` with all it was sent, or with `body`, and the heads that it was sent."""
    heads = []

    class Echo(http_server.Handler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heads.append(str(self.headers))
            if not status:
                return self.connection.close()
            key = self.headers.get("Authorization", "")
            message = {"error": {"message": f"bad key {key} in {self.path}", "type": key}}
            data = json.dumps(body or message).encode() if status != 502 else f"<html>{self.headers}".encode()
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.send_header("Location", f"http://127.0.0.1:9/{key.removeprefix('Bearer ')}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_CONNECT = do_POST

    with http_server.running(Echo) as url:
        yield url, heads


def ask_all(engine_url: str, chat) -> None:
    """Call what talks to servers, and print the error lines."""

    async def as_client(call):
        async with connect(MODEL) as client:
            print(await call(client))

    chunk = {
        "chunk_id": "d#1",
        "doc_id": "d",
        "heading": "Lamps",
        "text": "It weighs 2 kg.",
        "quote": "It weighs 2 kg.",
    }
    mix = exam_writer.ExamMix(two_documents=0, unanswerable=0)
    sample = ragas.Sample("What?", "Answer: a", "b", ["c"], ["c"])
    calls = (
        lambda: synthesize.main("qa"),
        mock.patch.dict(os.environ, CLOSEDBOOK_BATCH="1")(lambda: synthesize.main("qa")),
        lambda: asyncio.run(exam_writer.write_exam([chunk], 1, mix, MODEL, embed=lambda texts: np.ones((len(texts), 1)))),
        lambda: asyncio.run(as_client(lambda client: judge.score("What?", "Answer: a", "b", True, client))),
        lambda: asyncio.run(as_client(lambda client: ragas.Ragas(client).score(sample))),
        lambda: openai_engine.Engine(engine_url, "m", chat, 4, 64).respond(["?"], 1),
        lambda: openai_engine.Engine(engine_url, "m", chat, 4, 64).choose("?", ["a", "b"]),
    )  # fmt: skip
    for call in calls:
        try:
            call()
        except UserError as error:
            print(f"error: {error}")


@pytest.fixture
def keys(monkeypatch):
    for name, mark in KEYS.items():
        monkeypatch.setenv(name, f"http://me:{mark}@127.0.0.1:9" if name == "HTTP_PROXY" else mark)
    monkeypatch.setattr(transport, "MAX_BACKOFF", 0)
    monkeypatch.setattr(openai_engine, "RETRIES", 0)


@pytest.mark.slow
@pytest.mark.parametrize("status", [0, 200, 307, 400, 401, 403, 404, 407, 422, 429, 500, 502])
def test_no_key_is_printed_or_written_or_sent_elsewhere(lamps, keys, qwen_chat, monkeypatch, capfd, tmp_path, status):  # noqa: F811
    with echo(status, ANSWER if status == 200 else None) as (url, heads), echo(status) as (engine_url, engine_heads):
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        ask_all(f"{engine_url}/v1?key={KEYS['CLOSEDBOOK_ENGINE_KEY']}", qwen_chat)
    printed = "".join(capfd.readouterr())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode(errors="replace")
    assert printed.count("error: ") >= 2
    assert not [mark for mark in KEYS.values() if mark in printed or mark in written]
    assert KEYS["OPENAI_API_KEY"] in heads[0] and KEYS["CLOSEDBOOK_ENGINE_KEY"] in engine_heads[0]
    assert sum(mark in "".join(heads) for mark in KEYS.values()) == 1
    assert sum(mark in "".join(engine_heads) for mark in KEYS.values()) == 1


@pytest.mark.parametrize("status", [0, 401, 407, 502])
def test_a_proxys_password_is_not_printed(lamps, keys, monkeypatch, capfd, status):  # noqa: F811
    with echo(status) as (url, heads):
        monkeypatch.setenv("HTTP_PROXY", url.replace("//", f"//me:{KEYS['HTTP_PROXY']}@"))
        monkeypatch.setenv("OPENAI_BASE_URL", "http://teacher.example/v1")
        with pytest.raises(UserError) as error:
            synthesize.main("qa")
    assert heads and not [mark for mark in KEYS.values() if mark in f"{error.value}{capfd.readouterr()}"]


def test_a_key_that_is_cut_off_with_the_words_around_it_is_hidden_too():
    key = "sk-a-key-of-some-length"
    for before in range(MAX_WORDS - len(key) - 8, MAX_WORDS + 1):
        shown = Failures("http://a", key, None).without_key(printable("x" * before + key + "y" * 99))
        assert not any(key[:n] in shown for n in range(5, len(key)))


def test_a_server_that_we_start_has_no_key_in_its_command_and_the_database_tells_none(keys, monkeypatch, capfd):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("CLOSEDBOOK_DSN", f"postgresql://me:{KEYS['CLOSEDBOOK_DSN']}@127.0.0.1:9/x")
    with pytest.raises(UserError) as error, postgres.connect():
        pass
    assert KEYS["CLOSEDBOOK_DSN"] not in f"{error.value}{capfd.readouterr()}"

    async def commands() -> str:
        async with connect(Server(model="rules-4", serve="python -m invitro.rules.server --port {port}")):
            return "".join(path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline"))

    listed = asyncio.run(commands())
    assert "invitro.rules.server" in listed and not [mark for mark in KEYS.values() if mark in listed]


def test_headers_alone_carry_a_key():
    assert set(network.headers("https://a.example/v1", "k")) == {"Authorization"}
