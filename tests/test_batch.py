"""Batches end in the bytes of a live run, are waited for after a crash, and are never paid for twice."""

import asyncio
import hashlib
import json

import polars as pl
import pytest

from parts.llm import batch_api
from parts.project import metrics
from schemas.pairs import RawPairs
from stages import synthesize
from tests.conftest import ScriptedServer
from tests.helpers.batch_server import BatchServer
from tests.helpers.cli import error_line
from tests.test_synthesize import lamps  # noqa: F401


def answer(asked: dict) -> tuple[int, dict]:
    """Two strategies for a passage, a document of its own for each; one passage is refused, one cut off."""
    prompt = asked["messages"][0]["content"]
    if "Lamp 3 costs" in prompt:
        return 400, {"error": {"message": "no"}}
    if "response_format" in asked:
        return 200, ScriptedServer.answer(json.dumps({"strategies": ["one", "two"]}))
    name = hashlib.sha256(f"{asked['seed']} {prompt}".encode()).hexdigest()
    return 200, ScriptedServer.answer(f"document {name}", "length" if "Lamp 4 costs" in prompt else "stop")


@pytest.fixture
def server(lamps, monkeypatch):  # noqa: F811
    lamps.change("synthesize", "active_reading", {"strategies": 2, "samples": 1, "temperature": 0.7, "top_p": 0.95})
    batch_server = BatchServer(answer)
    monkeypatch.setenv("OPENAI_BASE_URL", batch_server.url)
    monkeypatch.setenv("CLOSEDBOOK_BATCH", "1")
    monkeypatch.setattr(batch_api, "POLL", 0.01)
    yield batch_server
    batch_server.stop()


def test_a_batch_run_ends_in_the_bytes_of_a_live_run(server, monkeypatch, tmp_path, capsys):
    synthesize.main("active_reading")
    assert "56 rows from 87 requests, 87 of them paid now; lost: 2 cut off, 1 refused" in capsys.readouterr().out
    assert server.live == 0
    assert len(server.batches) == 2, "one round for the strategies, one for the documents"
    assert len(server.lines()) == 30 + 29 * 2
    by_batch = RawPairs.address("active_reading").read_bytes()
    told = metrics.read("synthesize/active_reading")
    monkeypatch.setenv("CLOSEDBOOK_BATCH", "0")
    monkeypatch.setenv("CLOSEDBOOK_CACHE", str(tmp_path / "live"))
    synthesize.main("active_reading")
    assert server.live == 30 + 29 * 2
    assert RawPairs.address("active_reading").read_bytes() == by_batch
    assert metrics.read("synthesize/active_reading") == told
    assert dict(RawPairs.read("active_reading")["dropped"].drop_nulls().value_counts().rows()) == {
        "refused (400)": 1,
        "cut off": 2,
    }


def test_a_run_stopped_while_it_waits_goes_on_with_the_batch_it_paid_for(server):
    server.fail = True
    assert "the next run waits for what was submitted" in error_line(synthesize.main, "active_reading")
    assert len(server.batches) == 1
    assert not RawPairs.address("active_reading").exists()
    server.fail = False
    synthesize.main("active_reading")
    assert len(server.lines()) - sum("Lamp 3 costs" in json.dumps(line) for line in server.lines()) == 29 * 3
    before = len(server.batches)
    RawPairs.address("active_reading").unlink()
    synthesize.main("active_reading")
    assert len(server.lines()) - 29 * 3 <= 3, "nothing that was answered is asked again"
    assert len(server.batches) <= before + 1


@pytest.mark.parametrize(("hours", "is_waited_for"), [(71, True), (73, False)])
def test_a_batch_of_three_days_ago_is_past_waiting_for(server, hours, is_waited_for):
    server.fail = True
    error_line(synthesize.main, "active_reading")
    server.batches["batch-0"]["created_at"] -= hours * 3600
    server.fail = False
    synthesize.main("active_reading")
    assert (server.batches["batch-0"]["status"] == "completed") == is_waited_for


@pytest.mark.parametrize(("most", "sizes"), [(20, [20, 10, 20, 20, 18]), (29, [29, 1, 29, 29])])
def test_many_requests_go_in_several_batches(server, monkeypatch, most, sizes):
    monkeypatch.setattr(batch_api, "MAX_REQUESTS", most)
    synthesize.main("active_reading")
    assert [len(server._input(one)) for one in server.batches.values()] == sizes


def test_a_batch_that_is_waited_for_is_asked_about_once_in_a_while(server, monkeypatch):
    pauses, sleep = [], asyncio.sleep

    async def recording(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", recording)
    synthesize.main("active_reading")
    assert pauses.count(batch_api.POLL) >= len(server.batches) == 2


def test_a_batch_that_failed_ends_the_run_with_its_reason(server, monkeypatch):
    def fail(batch: dict) -> None:
        errors = {"object": "list", "data": [{"code": "x", "message": "the file is too large"}]}
        batch |= {"status": "failed", "errors": errors}

    monkeypatch.setattr(server, "_work", fail)
    assert "failed: the file is too large" in error_line(synthesize.main, "active_reading")


def test_what_may_pass_is_in_the_next_batch_and_ends_the_stage_after_a_few(server):
    seen = []

    def flaky(asked: dict) -> tuple[int, dict]:
        prompt = asked["messages"][0]["content"]
        if "Lamp 5 costs" in prompt and not seen:
            seen.append(prompt)
            return 500, {}
        return (503, {}) if "Lamp 6 costs" in prompt else answer(asked)

    server.answer = flaky
    assert "requests were not answered (1 refused (503))" in error_line(synthesize.main, "active_reading")
    assert not RawPairs.address("active_reading").exists()
    assert sum("Lamp 6 costs" in json.dumps(line) for line in server.lines()) == batch_api.ROUNDS
    n_lines, server.answer = len(server.lines()), answer
    synthesize.main("active_reading")
    rows = RawPairs.read("active_reading")
    assert rows.filter(pl.col("chunk_id").is_in(["d5#1", "d6#1"]))["dropped"].to_list() == [None] * 4
    again = [json.dumps(line) for line in server.lines()[n_lines:]]
    assert all("Lamp 6 costs" in line or "Lamp 3 costs" in line for line in again), "the others are kept"


def test_a_batch_leaves_out_what_its_server_refuses(server, capsys):
    def mistral(asked: dict) -> tuple[int, dict]:
        if "seed" in asked:
            return 422, {"message": {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}}
        return answer(asked | {"seed": 0})

    server.answer = mistral
    synthesize.main("active_reading")
    assert len(RawPairs.read("active_reading").filter(pl.col("dropped").is_null())) == 56
    assert [len(server._input(batch)) for batch in server.batches.values()] == [30, 30, 58]
    assert capsys.readouterr().err.count("left out seed") == 1


def test_a_batch_over_the_budget_is_not_submitted(server, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", "5000")
    assert "the budget has no room for more: 0 of 5000 tokens paid" in error_line(synthesize.main, "active_reading")
    assert not server.batches


def test_the_batches_of_others_are_left_alone(server):
    server.batches["batch-x"] = {"id": "batch-x", "object": "batch", "status": "in_progress", "created_at": 2**31}
    server.batches["batch-x"] |= {"metadata": {"closedbook": "another"}, "endpoint": "/v1/chat/completions"}
    server.batches["batch-x"] |= {"input_file_id": "file-none", "completion_window": "24h"}
    server.files["file-none"] = b""
    synthesize.main("active_reading")
    assert server.batches["batch-x"]["status"] == "in_progress"
