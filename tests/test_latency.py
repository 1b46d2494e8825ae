"""Arms are timed in turns, step by step, on the same questions; a step that an arm does not take is 0."""

import hashlib
import math
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from parts.answering import timing, timing_summary
from parts.answering.engine import Response
from parts.project import machine
from parts.retrieval.index import Index
from parts.retrieval.timed_search import search
from tests.helpers.clock import Clock

QUESTIONS = [timing.TimedQuestion(f"q{n}", "fact", f"How many, {n}?", None) for n in range(6)]
SHARES = {"fact": 1.0}


class Engine:
    """An engine that takes so many seconds of `clock` for each batch; `calls` holds (name, batch size, prompts)."""

    def __init__(self, clock: Clock, calls: list, name: str, prefill: float, decode: float):
        self.moving, self.calls, self.name, self.prefill, self.decode = clock, calls, name, prefill, decode
        self.clock, self.options = "wall", []

    def prompt(self, question, passages, options=None):
        self.options.append(options)
        return f"{question} {len(passages)}", len(passages)

    def respond(self, prompts, batch, desc=None):
        self.calls.append((self.name, batch, len(prompts)))
        self.moving.move((self.prefill + self.decode) * -(-len(prompts) // batch))
        return [Response("x", 7, 3, True, self.prefill) for _ in prompts]


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    monkeypatch.setattr(machine, "time", clock)
    return clock


@pytest.fixture
def calls():
    return []


@pytest.fixture
def arm(clock, calls):
    """Make an arm by name, its engine's seconds of prefill and decode, and its search's of each step."""

    def make(name: str, prefill: float = 0.002, decode: float = 0.001, **steps: float) -> timing.TimedArm:
        def stub_search(question_id, question):
            clock.move(sum(steps.values()))
            return [("heading", "text")] * len(steps), dict(steps)

        return timing.TimedArm(Engine(clock, calls, name, prefill, decode), stub_search)

    return make


def summaries(rows: list[timing.Row]) -> dict[str, dict]:
    return {
        arm: timing_summary.summary([row for row in rows if row["arm"] == arm], SHARES)
        for arm in {row["arm"]: None for row in rows}
    }


def test_arms_take_turns_and_turns_at_being_first_in_every_round_from_another_one_on(arm, calls):
    rows = timing.measure_latency({name: arm(name) for name in "abc"}, QUESTIONS[:3], rounds=2, warmup=0)
    assert [name for name, _, _ in calls] == list("abcbcacab" + "bcacababc")
    assert [(row["round"], row["question_id"]) for row in rows[::3]] == [(n, f"q{q}") for n in (1, 2) for q in range(3)]
    assert {(row["prompt_tokens"], row["new_tokens"], row["kind"]) for row in rows} == {(7, 3, "fact")}


def test_the_steps_add_up_to_the_whole_and_a_step_not_taken_is_0(arm):
    arms = {"rag": arm("rag", embed=0.004, search=0.002), "tuned": arm("tuned", 0.01, 0.02)}
    metrics = summaries(timing.measure_latency(arms, QUESTIONS, rounds=1, warmup=1))
    wholes = ("p50_ms", "p95_ms", "mean_ms", "charged_ms")
    assert metrics["rag"] == pytest.approx(
        {"embed_p50_ms": 4, "search_p50_ms": 2, "rerank_p50_ms": 0, "prefill_p50_ms": 2, "decode_p50_ms": 1}
        | dict.fromkeys(wholes, 9) | {"charged_retrieval_ms": 6, "charged_mean_over_median": 1}
    )  # fmt: skip
    assert metrics["tuned"] == pytest.approx(
        {"embed_p50_ms": 0, "search_p50_ms": 0, "rerank_p50_ms": 0, "prefill_p50_ms": 10, "decode_p50_ms": 20}
        | dict.fromkeys(wholes, 30) | {"charged_retrieval_ms": 0, "charged_mean_over_median": 1}
    )  # fmt: skip


def test_cpu_seconds_are_charged_where_the_engine_is_of_this_process_and_the_stores_on_the_wall(
    arm, clock, monkeypatch
):
    timed = arm("a", 0.5, 0.5, embed=0.25, search=0.125)
    timed.engine.clock = "cpu"
    monkeypatch.setattr(machine, "seconds", lambda name: {"cpu": clock.now * 2, "wall": clock.now}[name])  # two threads
    row = timed.measure(QUESTIONS[0])
    assert (row["whole"], row["charged"], row["charged_retrieval"]) == (1375, 2750 + 125, 750 + 125)


def test_cpu_seconds_are_of_all_threads_and_not_of_waiting():
    before, wall = machine.seconds("cpu"), machine.seconds("wall")
    time.sleep(0.3)
    assert machine.seconds("cpu") - before < 0.1 < machine.seconds("wall") - wall

    def work() -> None:
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 200_000)
        took.append(time.thread_time())

    took, thread, before = [], threading.Thread(target=work), machine.seconds("cpu")
    thread.start()
    thread.join()
    assert machine.seconds("cpu") - before > took[0] > 0.02


def test_cpu_seconds_are_of_children_that_ended_too():
    before = machine.seconds("cpu")
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    assert machine.seconds("cpu") - before > 0.05


def test_questions_to_warm_up_with_are_asked_and_not_timed(arm, clock, calls):
    timed, slow = arm("a", 0.001, 0), ["q0"]

    def slow_at_first(question_id, question):
        clock.move(5 if question_id in slow else 0)
        slow.clear()
        return [], {}

    warm = timing.TimedArm(timed.engine, slow_at_first)
    rows = timing.measure_latency({"a": warm}, QUESTIONS, rounds=1, warmup=1)
    assert len(rows) == 6 and len(calls) == 7
    assert summaries(rows)["a"]["p95_ms"] == pytest.approx(1)
    slow.append("q0")
    assert summaries(timing.measure_latency({"a": warm}, QUESTIONS, rounds=1, warmup=0))["a"]["p95_ms"] > 1000


def rows(saved: dict[tuple[int, str, str], float], rag: float = 100.0) -> list[timing.Row]:
    """Return timings of rag and tuned by what tuned saves: (round, question, kind) -> ms."""
    labels = [
        dict(zip(("round", "question_id", "kind"), key, strict=True)) | {"saved": ms} for key, ms in saved.items()
    ]
    return [
        label | {"arm": arm, "charged": ms, "whole": ms, "charged_retrieval": ms} | dict.fromkeys(timing.STEPS, 0.0)
        for label in labels
        for arm, ms in (("rag", rag), ("tuned", rag - label.pop("saved") if "saved" in label else 0))
    ]


def test_what_is_paid_for_is_the_mean_and_not_the_median():
    timings = [row | {"charged": ms, "whole": ms} for row, ms in zip(rows(dict.fromkeys(
        [(1, f"q{n}", "fact") for n in range(3)], 0.0))[::2], (10.0, 10.0, 100.0), strict=True)]  # fmt: skip
    values = timing_summary.summary(timings, SHARES)
    assert (values["mean_ms"], values["charged_ms"], values["p50_ms"]) == (40, 40, 10)
    assert values["charged_mean_over_median"] == 4


def test_the_mean_has_the_exams_mix_of_kinds_whatever_was_timed():
    saved = {(1, "q1", "fact"): 10.0, (1, "q2", "fact"): 10.0, (1, "q3", "unanswerable"): 50.0}
    timings = [row for row in rows(saved) if row["arm"] == "tuned"]
    assert timing_summary.summary(timings, {"fact": 0.25, "unanswerable": 0.75})["charged_ms"] == pytest.approx(60)
    mean, _, _ = timing_summary.saving(rows(saved), "tuned", "rag", "charged", {"fact": 0.25, "unanswerable": 0.75})
    assert mean == pytest.approx(40)


def test_the_interval_of_a_saving_is_students_over_questions_where_rounds_agree():
    saved = {(n, f"q{q}", "fact"): float(ms) for n in (1, 2) for q, ms in enumerate((10, 20, 30, 40))}
    mean, lo, hi = timing_summary.saving(rows(saved), "tuned", "rag", "charged", SHARES)
    expected = stats.ttest_1samp([10, 20, 30, 40], 0).confidence_interval()
    assert (mean, lo, hi) == pytest.approx((25, expected.low, expected.high))


def test_rounds_that_differ_widen_it():
    saved = {(n, f"q{q}", "fact"): float(20 + 20 * n) for n in (1, 2) for q in range(9)}
    mean, lo, hi = timing_summary.saving(rows(saved), "tuned", "rag", "charged", SHARES)
    assert mean == 50 and lo < 0 < 100 < hi, "t with one degree of freedom"


def test_kinds_that_differ_do_not_widen_it():
    saved = {
        (n, f"q{q}", "fact" if q < 2 else "list"): (10.0 if q < 2 else 90.0) + q % 2 for n in (1, 2) for q in range(4)
    }
    mean, lo, hi = timing_summary.saving(rows(saved), "tuned", "rag", "charged", {"fact": 0.5, "list": 0.5})
    assert mean == pytest.approx(50.5) and hi - lo < 5


def test_a_kind_that_was_not_timed_leaves_the_others_their_shares():
    saved = {(n, f"q{q}", "fact"): float(20 + q) for n in (1, 2) for q in range(9)}
    mean, lo, hi = timing_summary.saving(rows(saved), "tuned", "rag", "charged", {"fact": 0.4, "list": 0.6})
    assert mean == pytest.approx(24) and lo < 24 < hi


@pytest.mark.parametrize("other", [(1, "q2", "fact"), (2, "q1", "fact")])
def test_a_single_round_or_question_has_no_interval(other):
    saved = {(1, "q1", "fact"): 5.0, other: 6.0}
    mean, lo, hi = timing_summary.saving(rows(saved), "tuned", "rag", "charged", SHARES)
    assert mean == 5.5 and math.isnan(lo) and math.isnan(hi)


def test_every_kind_is_timed_in_its_share_and_one_question_of_it_at_least():
    exam = [
        timing.TimedQuestion(f"q{n:03}", "fact" if n < 90 else "rare" if n == 99 else "list", "?", None)
        for n in range(100)
    ]
    chosen = timing_summary.sample(exam, 20, seed=1)
    assert Counter(question.kind for question in chosen) == {"fact": 18, "list": 2, "rare": 1}
    assert chosen == timing_summary.sample(exam[::-1], 20, seed=1) != timing_summary.sample(exam, 20, seed=2)
    assert len(timing_summary.sample(exam, 1000, seed=1)) == 100
    assert timing_summary.kind_shares(exam) == {"fact": 0.9, "list": 0.09, "rare": 0.01}


def test_the_best_batch_is_the_one_that_answers_most_in_a_second(arm, calls):
    metrics = timing.measure_throughput(arm("a", 0.02, 0.0), QUESTIONS, [1, 2, 6])
    assert metrics == {"questions_per_second": pytest.approx(6 / 0.02), "batch": 6}
    assert [batch for _, batch, _ in calls] == [1, 2, 6]


def test_throughput_is_that_of_prompts_with_their_options(arm):
    timed = arm("a")
    timing.measure_throughput(timed, [timing.TimedQuestion("q", "fact", "How many?", ["one", "two"])], [1])
    assert timed.engine.options == [["one", "two"]] * 2, "without passages, which a cascade asks first, and with them"


def test_a_search_is_timed_step_by_step_and_reranked_where_there_is_a_reranker():
    hits = [("a", 0.9), ("b", 0.8)]

    def embed(texts):
        return np.ones((len(texts), 2), np.float32)

    plain = Index(embed, lambda question, vector: hits)
    assert search(plain, "?")[0] == ["a", "b"] and set(search(plain, "?")[1]) == {"embed", "search"}
    reranked = Index(embed, lambda question, vector: hits, lambda question, hits: hits[::-1])
    chunk_ids, seconds = search(reranked, "?")
    assert chunk_ids == ["b", "a"] and set(seconds) == {"embed", "search", "rerank"}
