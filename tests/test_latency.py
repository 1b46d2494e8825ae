"""Arms are timed in turns, step by step, on the same questions; a step that an arm does not take is 0."""

import numpy as np
import pytest

from parts.answering import timing
from parts.answering.engine import Response
from parts.retrieval.index import Index
from parts.retrieval.timed_search import search
from tests.helpers.clock import Clock

STEPS = {f"{step}_p50_ms" for step in ("embed", "search", "rerank", "prefill", "decode")}
QUESTIONS = [(f"q{n}", f"How many, {n}?", None) for n in range(6)]


class Engine:
    """An engine that takes so many seconds of `clock` for each batch; `calls` holds (name, batch size, prompts)."""

    def __init__(self, clock: Clock, calls: list, name: str, prefill: float, decode: float):
        self.clock, self.calls, self.name, self.prefill, self.decode = clock, calls, name, prefill, decode

    def prompt(self, question, passages, options=None):
        return f"{question} {len(passages)}", len(passages)

    def respond(self, prompts, batch, desc=None):
        self.calls.append((self.name, batch, len(prompts)))
        self.clock.move((self.prefill + self.decode) * -(-len(prompts) // batch))
        return [Response("x", 1, 1, True, self.prefill) for _ in prompts]


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
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


def test_arms_take_turns_and_turns_at_being_first(arm, calls):
    timing.measure_latency({name: arm(name) for name in "abc"}, QUESTIONS, warmup=0)
    assert [name for name, _, _ in calls] == list("abcbcacababcbcacab")


def test_the_steps_add_up_to_the_whole_and_a_step_not_taken_is_0(arm):
    arms = {"rag": arm("rag", embed=0.004, search=0.002), "tuned": arm("tuned", 0.01, 0.02)}
    metrics = timing.measure_latency(arms, QUESTIONS, warmup=1)
    assert metrics["rag"] == pytest.approx(
        {"embed_p50_ms": 4, "search_p50_ms": 2, "rerank_p50_ms": 0, "prefill_p50_ms": 2, "decode_p50_ms": 1}
        | dict.fromkeys(("p50_ms", "p95_ms", "mean_ms"), 9)
    )
    assert metrics["tuned"] == pytest.approx(
        {"embed_p50_ms": 0, "search_p50_ms": 0, "rerank_p50_ms": 0, "prefill_p50_ms": 10, "decode_p50_ms": 20}
        | dict.fromkeys(("p50_ms", "p95_ms", "mean_ms"), 30)
    )


def test_questions_to_warm_up_with_are_asked_and_not_timed(arm, clock, calls):
    timed = arm("a", 0.001, 0)

    def slow_at_first(question_id, question):
        clock.move(5 if question_id == "q0" else 0)
        return [], {}

    warm = timing.TimedArm(timed.engine, slow_at_first)
    assert timing.measure_latency({"a": warm}, QUESTIONS, warmup=1)["a"]["p95_ms"] == pytest.approx(1)
    assert len(calls) == 6
    assert timing.measure_latency({"a": warm}, QUESTIONS, warmup=0)["a"]["p95_ms"] > 1000


def test_the_best_batch_is_the_one_that_answers_most_in_a_second(arm, calls):
    metrics = timing.measure_throughput(arm("a", 0.02, 0.0), QUESTIONS, [1, 2, 6])
    assert metrics == {"questions_per_second": pytest.approx(6 / 0.02), "batch": 6}
    assert [batch for _, batch, _ in calls] == [1, 2, 6]


def test_a_search_is_timed_step_by_step_and_reranked_where_there_is_a_reranker():
    hits = [("a", 0.9), ("b", 0.8)]

    def embed(texts):
        return np.ones((len(texts), 2), np.float32)

    plain = Index(embed, lambda question, vector: hits)
    assert search(plain, "?")[0] == ["a", "b"] and set(search(plain, "?")[1]) == {"embed", "search"}
    reranked = Index(embed, lambda question, vector: hits, lambda question, hits: hits[::-1])
    chunk_ids, seconds = search(reranked, "?")
    assert chunk_ids == ["b", "a"] and set(seconds) == {"embed", "search", "rerank"}
