"""A budget holds with many requests at once, over runs and processes; what a run will cost is told before."""

import asyncio
import contextlib
import json

import pytest
import yaml

from commands import estimate
from parts.llm.budget import Budget, BudgetExceeded
from parts.llm.prices import load
from parts.llm.response_cache import ResponseCache
from schemas.pairs import RawPairs
from stages import synthesize
from tests.conftest import ScriptedServer
from tests.helpers.cli import error_line
from tests.test_synthesize import lamps  # noqa: F401

COUNT, EACH = 60, 500  # requests of the stage, tokens of a request and its answer


@pytest.fixture
def priced(lamps, cue, monkeypatch):  # noqa: F811
    """Thirty passages, two requests each; a hundred dollars for a million prompt tokens, two hundred for new ones."""
    prices = yaml.safe_load((lamps.path / "prices.yaml").read_text())
    prices["models"]["rules-2"] = {"prompt": 100, "new": 200}
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
