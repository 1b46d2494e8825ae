"""The client learns how many requests a server takes, waits when asked to, and gives up on what does not pass."""

import asyncio
import threading
import time

import pytest

from parts.llm import failures, jobs, transport
from parts.llm.client import Reply, connect
from parts.llm.concurrency_limit import ConcurrencyLimit, retry_after
from parts.project.errors import UserError
from parts.project.sections import Server
from tests.conftest import ScriptedServer
from tests.helpers.clock import Clock

SERVER = Server(model="m")


def ask(count: int) -> tuple[list[Reply], ConcurrencyLimit]:
    async def run():
        async with connect(SERVER) as client:
            asking = [lambda n=n: client.ask(f"prompt {n}") for n in range(count)]
            return await jobs.collect(asking, count, "test", client.meter), client.transport.concurrency

    return asyncio.run(run())


@pytest.fixture
def narrow(cue):
    """A server that turns away whatever comes while it has four requests."""
    answer, room, cue.away = cue.reply, threading.Semaphore(4), 0

    def reply(asked: dict) -> tuple[int, dict]:
        if not room.acquire(blocking=False):
            cue.away += 1
            return 429, {}
        time.sleep(0.01)
        response = answer(asked)
        room.release()
        return response

    cue.reply = reply
    return cue


def test_the_limit_of_a_server_is_found_and_every_request_answered(narrow, monkeypatch):
    monkeypatch.setenv("CLOSEDBOOK_WORKERS", "32")
    replies, pace = ask(200)
    assert all(reply.problem is None for reply in replies)
    assert len(narrow.distinct()) == len(narrow.seen) == 200, "a request that was turned away is answered once"
    assert pace.limit < 16
    assert 0 < narrow.away < 200


def test_a_limit_falls_once_for_all_that_was_under_way_and_grows_by_one_a_round():
    clock = Clock()
    pace, sent = ConcurrencyLimit(100, clock), clock()
    clock.move(1)
    for _ in range(10):
        pace.on_rate_limited(sent, None)
    assert pace.limit == pytest.approx(70)
    for _ in range(70):
        pace.on_success()
    assert pace.limit == pytest.approx(71, abs=0.1)


def test_no_more_than_the_limit_are_under_way_and_places_come_back():
    async def run() -> list[int]:
        pace, now, most = ConcurrencyLimit(8), 0, []
        pace.on_rate_limited(pace.clock(), None)
        pace.limit = 2.0

        async def one():
            nonlocal now
            async with pace:
                now += 1
                most.append(now)
                await asyncio.sleep(0)
                now -= 1

        await asyncio.gather(*[one() for _ in range(8)])
        first = len(most)
        await asyncio.gather(*[one() for _ in range(20)])
        narrow = max(most[first:])
        for _ in range(200):
            pace.on_success()
        most.clear()
        await asyncio.gather(*[one() for _ in range(20)])
        return [narrow, max(most)]

    assert asyncio.run(run()) == [2, 8]


def test_nothing_is_sent_before_the_server_wants_it():
    clock = Clock()

    async def run() -> list[float]:
        pace = ConcurrencyLimit(2, clock, clock.sleep)
        pace.on_rate_limited(clock(), 20)
        pace.on_rate_limited(clock(), 5)  # a shorter wait changes nothing
        async with pace as first:
            pass
        async with pace as second:
            return [first, second]

    assert asyncio.run(run()) == [20, 20]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
        *[({"retry-after": value}, None) for value in ("soon", "", "0", "-1", "NaN", "inf", "-inf", "1e300")],
    ],
)
def test_retry_after_is_seconds_or_a_date_and_what_asks_for_no_wait_leaves_it_to_our_own_schedule(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_request_that_hangs_is_asked_again(cue, monkeypatch):
    answer, seen, asked_again = cue.reply, [], threading.Event()

    def reply(asked: dict) -> tuple[int, dict]:
        seen.append(asked)
        if len(seen) == 1:
            asked_again.wait(60)
        asked_again.set()
        return answer(asked)

    cue.reply = reply
    monkeypatch.setenv("CLOSEDBOOK_TIMEOUT", "0.3")
    assert ask(1)[0][0].problem is None
    assert len(seen) == 2


def test_a_server_that_works_off_one_request_at_a_time_answers_them_all(cue, monkeypatch):
    answer, slot = cue.reply, threading.Lock()

    def reply(asked: dict) -> tuple[int, dict]:
        with slot:
            time.sleep(0.03)
        return answer(asked)

    cue.reply = reply
    monkeypatch.setattr(transport, "MAX_BACKOFF", 0.05)
    monkeypatch.setenv("CLOSEDBOOK_TIMEOUT", "0.5")
    replies, pace = ask(64)
    assert [reply.problem for reply in replies] == [None] * 64
    assert pace.limit < 32


def test_what_timed_out_among_answers_is_told_with_what_to_do(cue, monkeypatch):
    answer, ended = cue.reply, threading.Event()
    cue.reply = lambda asked: (ended.wait(5) if asked["messages"][0]["content"] == "prompt 0" else 0, answer(asked))[1]
    monkeypatch.setattr(transport, "RETRIES", 0)
    monkeypatch.setenv("CLOSEDBOOK_TIMEOUT", "0.5")
    with pytest.raises(UserError, match=r"\(1 timed out\).* raise CLOSEDBOOK_TIMEOUT, or lower CLOSEDBOOK_WORKERS"):
        ask(5)
    ended.set()


def test_what_is_not_answered_ends_the_stage_after_all_else_was_and_alone_is_asked_again(cue, monkeypatch):
    monkeypatch.setattr(transport, "RETRIES", 1)
    monkeypatch.setattr(
        failures, "GIVEN_UP", 4
    )  # on a busy machine all three are given up before the first answer comes
    answer = cue.reply

    def reply(asked: dict) -> tuple[int, dict | None]:
        responses = {"prompt 0": (500, {}), "prompt 1": (200, None), "prompt 2": (200, {"error": "overloaded"})}
        return responses.get(asked["messages"][0]["content"]) or answer(asked)

    cue.reply = reply
    reasons = "1 broken answer, 1 dropped, 1 refused \\(500\\)"
    with pytest.raises(UserError, match=f"test: requests were not answered .{reasons}.; all others are kept: run"):
        ask(5)
    cue.seen.clear()
    cue.reply = answer
    assert [reply.problem for reply in ask(5)[0]] == [None] * 5
    assert sorted(asked["messages"][0]["content"] for asked in cue.seen) == ["prompt 0", "prompt 1", "prompt 2"]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [(402, {}, "402: check"), (429, {"error": {"code": "insufficient_quota"}}, "429: check .*your account")],
)
def test_an_account_without_money_ends_the_run(cue, status, body, message):
    cue.script = [(status, body)]
    with pytest.raises(UserError, match=message):
        ask(1)


def test_the_same_question_asked_twice_at_once_is_paid_for_once(cue):
    async def run():
        async with connect(SERVER) as client:
            return await asyncio.gather(*[client.ask("same") for _ in range(5)])

    assert len({reply.text for reply in asyncio.run(run())}) == 1
    assert len(cue.seen) == 1


def test_a_server_without_response_format_is_told_the_schema_in_words_and_remembered(cue):
    from parts.generators.qa import TrainingQuestions

    cue.script = [(400, {"error": {"message": "response_format is not supported"}})]
    cue.default = '```json\n{"questions": []}\n```'

    async def run(*prompts: str) -> list:
        async with connect(SERVER) as client:
            replies = [await client.ask(prompt, schema=TrainingQuestions) for prompt in prompts]
        return [reply.parse(TrainingQuestions)[0] for reply in replies]

    assert asyncio.run(run("a", "b")) == [TrainingQuestions(questions=[])] * 2
    formats = [asked["response_format"]["type"] for asked in cue.seen]
    assert formats == ["json_schema", "json_object", "json_object"]
    assert '"additionalProperties": false' in cue.seen[1]["messages"][0]["content"]
    asyncio.run(run("a", "b"))
    assert len(cue.seen) == 3, "the answers are found again without asking"


def test_a_refusal_in_words_is_a_reason(cue):
    completion = ScriptedServer.answer("")
    completion["choices"][0]["message"]["refusal"] = "I will not"
    cue.script = [(200, completion)]
    assert ask(1)[0][0].problem == "declined"
