"""A budget holds with many requests at once, over runs and processes; what a run will cost is told before."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from commands import estimate
from parts.llm.budget import Budget, BudgetExceeded, Meter
from parts.llm.prices import Tokens, load
from parts.llm.response_cache import Reservation, ResponseCache
from parts.llm.server_reply import Usage
from parts.project import metrics
from schemas.pairs import RawPairs
from stages import synthesize
from tests.conftest import ScriptedServer
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT
from tests.test_synthesize import lamps  # noqa: F401

COUNT, EACH = 60, 500  # requests of the stage, tokens of a request and its answer


@pytest.fixture
def priced(lamps, cue, monkeypatch):  # noqa: F811
    """Thirty passages, two requests each; a hundred dollars for a million prompt tokens, two hundred for new ones."""
    prices = yaml.safe_load((lamps.path / "prices.yaml").read_text())
    prices["models"]["rules-4"] = {"prompt": 100, "new": 200}
    (lamps.path / "prices.yaml").write_text(yaml.safe_dump(prices))
    completion = ScriptedServer.answer('{"questions": [{"question": "q", "reasoning": "r", "answer": "a"}]}')
    completion["usage"] = {"prompt_tokens": 400, "completion_tokens": 100}
    monkeypatch.setattr(cue, "answer", lambda text: completion)
    return cue


def test_a_budget_in_tokens_holds_says_what_is_left_and_goes_on(priced, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", str(20 * EACH + 7))
    line = error_line(synthesize.main, "qa")
    assert len(priced.seen) == 20
    assert f"{20 * EACH} of {20 * EACH + 7} tokens paid" in line
    assert "of 30 are left to do in qa" in line
    assert not RawPairs.address("qa").exists()
    assert error_line(synthesize.main, "qa")
    assert len(priced.seen) == 20, "the same budget is not spent twice"
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", str(COUNT * EACH))
    synthesize.main("qa")
    assert len(priced.seen) == COUNT
    assert len(RawPairs.read("qa")) == COUNT


def test_a_request_is_taken_to_be_as_long_as_the_longest_so_far(priced, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", "100")

    async def reserve(size: int, max_new_tokens: int | None) -> None:
        async with budget.reserve("m", size, max_new_tokens):
            pass

    with contextlib.closing(ResponseCache(tmp_path)) as cache:
        budget = Budget(cache, load())
        budget.learn(100, 50, 60)
        budget.learn(100, 10, 5)
        asyncio.run(reserve(80, None))  # 40 + 60
        for size, most in ((82, None), (200, 1)):
            with pytest.raises(BudgetExceeded):
                asyncio.run(reserve(size, most))


def test_a_budget_in_dollars_holds(priced, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_DOLLARS", "0.65")  # of 0.06 each
    assert "$0.6000 of $0.65 paid" in error_line(synthesize.main, "qa")
    assert len(priced.seen) == 10


def test_what_is_paid_counts_the_requests_that_were_sent_alone():
    meter = Meter(price=Tokens(prompt=2.0, new=8.0))
    assert (meter.requests, meter.paid, meter.prompt_tokens, meter.new_tokens, meter.estimated) == (0, 0, 0, 0, 0)
    meter.add(Usage(1_000_000, 500_000, False))
    assert (meter.dollars_paid, meter.dollars(), meter.requests, meter.paid) == (0, 6, 1, 0)
    meter.pay(1_000_000, 0)
    assert meter.dollars_paid == 2


def test_a_budget_in_dollars_needs_a_price(lamps, cue, monkeypatch):  # noqa: F811
    lamps.change("teacher", "model", "unheard-of")
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_DOLLARS", "1")
    assert "needs the price of unheard-of: add it to prices.yaml" in error_line(synthesize.main, "qa")
    assert not cue.seen


def test_a_budget_that_is_no_number_is_told(lamps, cue, monkeypatch):  # noqa: F811
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", "much")
    assert "CLOSEDBOOK_BUDGET_TOKENS is 'much'" in error_line(synthesize.main, "qa")


def only(lamps, name: str, knobs: dict) -> None:  # noqa: F811
    params = yaml.safe_load((lamps.path / "params.yaml").read_text())
    (lamps.path / "params.yaml").write_text(yaml.safe_dump(params | {"synthesize": {name: knobs}}))


def line(capsys, name: str) -> list[str]:
    lines = capsys.readouterr().out.splitlines()
    return next(row.split()[1:] for row in lines if row.startswith(name))


def test_a_run_is_priced_before_it_starts_with_what_is_kept_taken_off(lamps, priced, capsys):  # noqa: F811
    only(lamps, "qa", {"samples": 2, "count": 2, "temperature": 1.0})
    estimate.main()
    requests, kept, prompt, new, dollars = line(capsys, "qa")
    assert (requests, kept, new) == ("60", "0", str(60 * 300))
    assert float(dollars) == pytest.approx((int(prompt) * 100 + int(new) * 200) / 1e6, abs=0.01)
    assert not priced.seen
    estimate.main(5)
    requests, kept, prompt, new, dollars = line(capsys, "qa")
    assert (requests, kept, new) == ("60", "10", str(50 * 100))
    assert int(prompt) == pytest.approx(50 * 400, rel=0.02)
    synthesize.main("qa")
    assert len(priced.seen) == COUNT
    capsys.readouterr()
    estimate.main()
    assert line(capsys, "qa") == ["60", "60", "0", "0", "0.00"]
    usage = json.loads((lamps.path / "metrics/synthesize/qa.json").read_text())
    assert abs(usage["estimate_error"]) < 0.01


def test_requests_that_follow_from_answers_are_in_the_estimate(lamps, cue, capsys):  # noqa: F811
    only(lamps, "active_reading", {"strategies": 3, "samples": 2, "temperature": 0.7, "top_p": 0.95})
    estimate.main()
    assert line(capsys, "active_reading")[0] == str(30 * (1 + 3 * 2))


NO_USAGE = [
    "absent", None, [], "much", {}, {"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": "400"},
    {"prompt_tokens": -400, "completion_tokens": -1}, {"prompt_tokens": 1e999, "completion_tokens": 1e999},
    {"prompt_tokens": [400], "completion_tokens": True}, {"prompt_tokens": 0, "completion_tokens": 10**30},
]  # fmt: skip


@pytest.mark.parametrize("usage", NO_USAGE, ids=repr)
def test_a_budget_holds_and_says_so_where_the_server_counts_no_tokens(priced, monkeypatch, capsys, usage):
    completion = ScriptedServer.answer(priced.answer("")["choices"][0]["message"]["content"]) | {"usage": usage}
    if usage == "absent":
        del completion["usage"]
    monkeypatch.setattr(priced, "answer", lambda text: completion)
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", "3000")
    assert "of 3000 tokens paid" in error_line(synthesize.main, "qa")
    assert 0 < len(priced.seen) < 20
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", "")
    synthesize.main("qa")
    figures = metrics.read("synthesize/qa")
    assert figures["tokens_estimated"] == COUNT
    size = len(json.dumps(completion))
    assert figures["new_tokens"] == COUNT * -(-size // 4)
    assert "tokens of 60 estimated, for the server does not count them" in capsys.readouterr().out


def test_no_tokens_are_estimated_where_the_server_counts_them(priced):
    synthesize.main("qa")
    assert "tokens_estimated" not in metrics.read("synthesize/qa")


def test_runs_beside_each_other_on_one_cache_keep_one_budget(priced, monkeypatch):
    answer = priced.reply
    monkeypatch.setattr(priced, "reply", lambda asked: time.sleep(0.02) or answer(asked))
    budget = 20 * EACH + 7
    environment = os.environ | {"CLOSEDBOOK_BUDGET_TOKENS": str(budget), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.synthesize", "qa"]
    both = [
        subprocess.Popen(command, env=environment | {"CLOSEDBOOK_WORKERS": workers}, stderr=subprocess.PIPE, text=True)
        for workers in ("16", "32")
    ]
    ends = [child.communicate()[1] for child in both]
    assert all("the budget has no room for more" in end for end in ends)
    assert len(priced.seen) <= 20
    with contextlib.closing(ResponseCache.open()) as cache, cache.reservations() as reservations:
        assert reservations == []


def test_runs_beside_each_other_on_one_cache_pay_for_no_request_twice(priced, monkeypatch, tmp_path):
    answer = priced.reply
    monkeypatch.setattr(priced, "reply", lambda asked: time.sleep(0.1) or answer(asked))
    command = [sys.executable, "-m", "stages.synthesize", "qa"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CLOSEDBOOK_WORKERS": "4"}
    environment["CLOSEDBOOK_CACHE"] = str(Path(".cache").absolute())
    folders = [Path.cwd(), tmp_path / "beside"]  # in one folder DVC runs no stage twice at once
    shutil.copytree(*folders)
    both = [
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) for folder in folders
    ]
    outputs = [child.communicate()[0] for child in both]
    assert [child.returncode for child in both] == [0, 0], outputs
    assert max(priced.distinct().values()) == 1


def test_what_a_process_that_died_had_claimed_is_asked_by_the_next(tmp_path):
    with contextlib.closing(ResponseCache(tmp_path)) as cache:
        assert cache.claim(b"request")
        assert not cache.claim(b"request")
        cache.db.execute("UPDATE claimed SET process = ?", (f"{os.getpid()} before",))
        assert cache.claim(b"request")
        cache.give_back(b"request")
        assert cache.claim(b"request")


def test_what_a_process_that_died_had_reserved_is_free_again(tmp_path, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_BUDGET_TOKENS", "100")
    with contextlib.closing(ResponseCache(tmp_path)) as cache:
        for process in (f"{2**22 + 1} 5", f"{os.getpid()} before"):
            cache.db.execute("INSERT INTO reserved VALUES (NULL, ?, 'm', 90, 90)", (process,))
        alive = cache.reserve(Reservation("m", 30, 30))
        budget = Budget(cache, load())
        budget.check("m", 20, 20)
        with pytest.raises(BudgetExceeded):
            budget.check("m", 21, 20)
        cache.release(alive)
        budget.check("m", 50, 50)
