"""Synthesis pays for no request twice: a stopped run and a run after an edit resume and end in the same bytes."""

import json
import os
import signal
import subprocess
import sys
import threading

import polars as pl
import pytest

from schemas.pairs import RawPairs
from schemas.redacted import Redacted
from schemas.spool import Spool
from schemas.table import BadTable
from stages import synthesize
from tests.conftest import ScriptedServer
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

COUNT = 30


def passages(*texts: str) -> None:
    rows = [
        {
            "chunk_id": f"d{n}#1",
            "doc_id": f"d{n}",
            "start": 0,
            "end": len(text),
            "page": 1,
            "heading": f"Lamp {n}",
            "text": text,
        }
        | {"n_tokens": 5}
        for n, text in enumerate(texts)
    ]
    Redacted.write(Redacted.frame(rows))


@pytest.fixture
def lamps(workplace):
    passages(*[f"Lamp {n} costs {n + 10} euros. It weighs {n + 1} kg." for n in range(COUNT)])
    workplace.change("synthesize", "qa", {"samples": 2, "count": 2, "temperature": 1.0})
    return workplace


def test_rows_name_their_passage_and_every_request_is_counted(lamps, rules, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    synthesize.main("qa")
    rows = RawPairs.read("qa")
    assert len(rows) == COUNT * 4
    first = rows.filter(chunk_id="d3#1")
    assert set(first["completion"]) == {"13 euros", "4 kg"}
    assert set(first["doc_id"]) == {"d3"}
    metrics = json.loads((lamps.path / "metrics/synthesize/qa.json").read_text())
    assert (metrics["requests"], metrics["rows"], metrics["lost"]) == (COUNT * 2, COUNT * 4, 0)
    assert "60 of them paid now" in capsys.readouterr().out


def test_focal_rewriting_writes_documents_about_questions_of_its_own(lamps, rules, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    lamps.change("synthesize", "focal", {"questions": 2, "samples": 2, "temperature": 0.7, "top_p": 0.95})
    synthesize.main("focal")
    rows = RawPairs.read("focal")
    assert len(rows) == COUNT * 4
    assert set(rows["kind"]) == {"document"} and rows["completion"].is_unique().all()
    texts = rows.filter(chunk_id="d3#1")["completion"].str
    assert (texts.contains("13 euros").sum(), texts.contains("4 kg").sum()) == (2, 2)


def test_focal_rewriting_counts_requests_without_a_result(lamps, cue):
    lamps.change("synthesize", "focal", {"questions": 1, "samples": 1, "temperature": 0.7, "top_p": 0.95})
    aims = json.dumps({"aims": [{"question": "q", "strategy": "s"}]})

    def reply(request: dict) -> tuple[int, dict]:
        prompt = request["messages"][0]["content"]
        if "Lamp 1 " in prompt:
            return 400, {"error": {"message": "no"}}
        if "response_format" in request:
            return 200, ScriptedServer.answer("not json" if "Lamp 2 " in prompt else aims)
        return 200, ScriptedServer.answer("a text", "length" if "Lamp 3 " in prompt else "stop")

    cue.reply = reply
    synthesize.main("focal")
    rows = RawPairs.read("focal")
    assert len(rows) == COUNT
    assert dict(rows["dropped"].drop_nulls().value_counts().rows()) == {"refused (400)": 1, "unparsed": 1, "cut off": 1}


def test_an_edit_of_one_document_asks_about_its_passages_alone(lamps, rules, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    synthesize.main("qa")
    before = RawPairs.read("qa")
    passages(*[f"Lamp {n} costs {n + (99 if n == 7 else 10)} euros. It weighs {n + 1} kg." for n in range(COUNT)])
    capsys.readouterr()
    synthesize.main("qa")
    assert "60 requests, 2 of them paid now" in capsys.readouterr().out
    after = RawPairs.read("qa")
    assert after.filter(pl.col("doc_id") != "d7").equals(before.filter(pl.col("doc_id") != "d7"))


def test_requests_without_a_result_are_rows_with_a_reason(lamps, cue, capsys):
    lost = {"Lamp 1 ": (400, {"error": {}}), "Lamp 2 ": (200, ScriptedServer.answer("{", "length"))}
    lost |= {"Lamp 3 ": (200, ScriptedServer.answer("not json"))}

    def reply(request: dict) -> tuple[int, dict]:
        prompt, one = (
            request["messages"][0]["content"],
            '{"questions": [{"question": "q", "reasoning": "r", "answer": "a"}]}',
        )
        return next((reply for lamp, reply in lost.items() if lamp in prompt), (200, ScriptedServer.answer(one)))

    cue.reply = reply
    synthesize.main("qa")
    rows = RawPairs.read("qa")
    assert dict(rows["dropped"].drop_nulls().value_counts().rows()) == {"refused (400)": 2, "cut off": 2, "unparsed": 2}
    assert "; lost: 2 cut off, 2 refused (400), 2 unparsed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("default", "told"),
    [
        (
            '{"questions": []}',
            "rules-4 wrote no row (none were in its replies): see that it can do what prompts/qa asks",
        ),
        ("no json", "rules-4 wrote no row (60 unparsed): see"),
    ],
)
def test_a_generator_without_a_row_is_a_failed_stage_that_says_what_was_lost(lamps, cue, default, told):
    cue.default = default
    assert told in error_line(synthesize.main, "qa")
    assert not RawPairs.address("qa").exists()
    assert COUNT * 2 <= len(cue.seen) <= COUNT * 2 + 4, "the first few are asked in words, too"
    cue.seen.clear()
    assert error_line(synthesize.main, "qa") and not cue.seen, "what was answered is not paid for again"


def test_refusals_alone_are_a_failed_stage_in_the_words_of_the_server(lamps, cue):
    passages("Lamp 1 costs 11 euros.")
    cue.reply = lambda asked: (400, {"error": {"message": "tools are off"}})
    line = error_line(synthesize.main, "qa")
    assert "wrote no row (2 refused (400))" in line and line.endswith("the server says: tools are off")


def test_what_an_outage_took_ends_the_stage_and_alone_is_asked_again(lamps, cue, monkeypatch):
    monkeypatch.setattr("parts.llm.transport.RETRIES", 1)
    lamps.change("synthesize", "qa", {"samples": 1, "count": 2, "temperature": 1.0})
    cue.default = '{"questions": [{"question": "q", "reasoning": "r", "answer": "a"}]}'
    answer = cue.reply
    cue.reply = lambda asked: (529, {}) if "Lamp 7 costs" in asked["messages"][0]["content"] else answer(asked)
    assert "qa: requests were not answered (1 refused (529)); all others are kept" in error_line(synthesize.main, "qa")
    assert len(cue.distinct()) == COUNT - 1 and not RawPairs.address("qa").exists()
    cue.reply = answer
    cue.seen.clear()
    synthesize.main("qa")
    assert ["Lamp 7 costs" in asked["messages"][0]["content"] for asked in cue.seen] == [True]
    assert len(RawPairs.read("qa")) == COUNT


def test_a_request_that_is_given_up_in_three_runs_is_lost_and_holds_up_no_other(lamps, cue, monkeypatch, capsys):
    monkeypatch.setattr("parts.llm.transport.RETRIES", 0)
    lamps.change("synthesize", "qa", {"samples": 1, "count": 2, "temperature": 1.0})
    cue.default = '{"questions": [{"question": "q", "reasoning": "r", "answer": "a"}]}'
    answer = cue.reply
    cue.reply = lambda asked: (500, {}) if "Lamp 7 costs" in asked["messages"][0]["content"] else answer(asked)
    for _ in range(2):
        assert "requests were not answered (1 refused (500))" in error_line(synthesize.main, "qa")
    capsys.readouterr()
    synthesize.main("qa")
    assert "lost: 1 refused (500)" in capsys.readouterr().out
    assert RawPairs.read("qa")["dropped"].drop_nulls().to_list() == ["refused (500)"]


def test_an_outage_of_three_runs_loses_nothing(lamps, cue, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("parts.llm.transport.FIRST_RETRIES", 0)
    for _ in range(4):
        assert "no answer" in error_line(synthesize.main, "qa")


def test_an_unreachable_teacher_ends_with_one_line_and_writes_nothing(lamps, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("parts.llm.transport.FIRST_RETRIES", 0)
    assert "rules-4 at http://127.0.0.1:9/v1: no answer" in error_line(synthesize.main, "qa")
    assert not RawPairs.address("qa").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_a_run_stopped_in_the_middle_goes_on_and_ends_in_the_same_bytes(lamps, cue, tmp_path, how):
    answer, halfway, ended = cue.reply, threading.Event(), threading.Event()

    def reply(request: dict) -> tuple[int, dict]:
        if len(cue.seen) >= COUNT // 2:
            halfway.set()
            ended.wait(60)
        question = {"question": request["messages"][0]["content"][-60:], "reasoning": "r", "answer": "a"}
        answer(request)
        return 200, ScriptedServer.answer(json.dumps({"questions": [question]}))

    cue.reply = reply
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CLOSEDBOOK_WORKERS": "2"}
    command = [sys.executable, "-m", "stages.synthesize", "qa"]
    first = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who starts the tests with & ignores it
    )  # fmt: skip
    assert halfway.wait(60) and first.poll() is None
    first.send_signal(how)
    stderr = first.communicate()[1]
    ended.set()
    paid_before = len(cue.seen)
    assert paid_before < COUNT * 2
    assert not RawPairs.address("qa").exists()
    if how == signal.SIGINT:
        assert first.returncode == 130
        assert "run the same command again to go on" in stderr
        assert "Traceback" not in stderr
    subprocess.run(command, env=environment, check=True, capture_output=True)
    stopped = RawPairs.address("qa").read_bytes()
    assert len(cue.distinct()) == COUNT * 2
    assert len(cue.seen) <= COUNT * 2 + 4, "an answered request is not paid for again; one in flight may be"
    undisturbed = environment | {"CLOSEDBOOK_CACHE": str(tmp_path / "other")}
    subprocess.run(command, env=undisturbed, check=True, capture_output=True)
    assert RawPairs.address("qa").read_bytes() == stopped


def test_rows_are_the_same_bytes_in_whatever_order_they_come_and_none_comes_twice(workplace, monkeypatch):
    monkeypatch.setattr("schemas.spool.GROUP", 7)
    row = dict.fromkeys(("chunk_id", "doc_id", "generator", "prompt", "reasoning", "completion", "teacher"), "x")
    row |= {"kind": "qa", "dropped": None, "other_chunk_ids": ["y"], "answerable": True}
    rows = [row | {"pair_id": f"{n:03}"} for n in range(40)]
    written = []
    for order in (rows, rows[::-1]):
        spool = Spool(RawPairs)
        for each in order:
            spool.add([each])
        spool.write("qa")
        written.append(RawPairs.address("qa").read_bytes())
    assert written[0] == written[1]
    assert RawPairs.read("qa")["pair_id"].to_list() == [each["pair_id"] for each in rows]
    monkeypatch.setattr("schemas.spool.LARGEST", 3 * len(json.dumps(rows[0])))
    assert [len(frame) for frame in spool.frames()] == [3] * 13 + [1]
    with pytest.raises(BadTable, match="two rows with the same pair_id"):
        spool.add(rows[:1])
    spool.clear()
    spool.write("qa")
    assert RawPairs.read("qa").is_empty()
