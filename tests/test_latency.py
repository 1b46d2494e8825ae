"""Arms are timed in turns, step by step, on the same questions; a step that an arm does not take is nought."""

import time

import numpy as np
import pytest

from parts.answering import timing
from parts.answering.engine import Response
from parts.retrieval.index import Index
from parts.retrieval.timed_search import search

STEPS = {f"{step}_p50_ms" for step in ("embed", "search", "rerank", "prefill", "decode")}


class Slow:
    """An engine that takes as long as it is told, and notes the order it is asked in."""

    def __init__(self, name: str, prefill: float, decode: float, told: list):
        self.name, self.prefill, self.decode, self.told = name, prefill, decode, told

    def prompt(self, question, passages, options=None):
        return f"{question} {len(passages)}", len(passages)

    def respond(self, prompts, batch, what=None):
        self.told.append((self.name, batch, len(prompts)))
        time.sleep((self.prefill + self.decode) * -(-len(prompts) // batch))
        return [Response("x", 1, 1, True, self.prefill) for _ in prompts]


def arm(name: str, told: list, prefill: float = 0.002, decode: float = 0.001, **steps: float) -> timing.TimedArm:
    def find(question_id, question):
        time.sleep(sum(steps.values()))
        return [("heading", "text")] * len(steps), dict(steps)

    return timing.TimedArm(Slow(name, prefill, decode, told), find)


ASKED = [(f"q{n}", f"How many, {n}?", None) for n in range(6)]


def test_arms_take_turns_and_turns_at_being_first():
    told = []
    timing.measure_latency({name: arm(name, told) for name in "abc"}, ASKED, warmup=0)
    assert [name for name, _, _ in told] == list("abcbcacababcbcacab")


def test_the_steps_add_up_to_the_whole_and_a_step_not_taken_is_nought():
    told = []
    arms = {"rag": arm("rag", told, embed=0.004, search=0.002), "tuned": arm("tuned", told, 0.01, 0.02)}
    found = timing.measure_latency(arms, ASKED, warmup=1)
    for figures in found.values():
        assert set(figures) >= STEPS | {"p50_ms", "p95_ms", "mean_ms"}
        assert sum(figures[step] for step in STEPS) == pytest.approx(figures["p50_ms"], rel=0.5)
        assert figures["p50_ms"] <= figures["p95_ms"]
    assert found["rag"]["embed_p50_ms"] == pytest.approx(4) and found["rag"]["rerank_p50_ms"] == 0
    assert found["tuned"]["embed_p50_ms"] == 0 and found["tuned"]["decode_p50_ms"] >= 19


def test_questions_to_warm_up_with_are_asked_and_not_timed():
    told = []
    slow = arm("a", told)
    asked, slow.engine.prefill = list(ASKED), 0.2

    def hurry(question_id, question):
        if question_id != "q0":
            slow.engine.prefill = 0.001
        return [], {}

    found = timing.measure_latency({"a": timing.TimedArm(slow.engine, hurry)}, asked, warmup=1)
    assert len(told) == 6 and found["a"]["p95_ms"] < 150


def test_the_best_batch_is_the_one_that_answers_most_in_a_second():
    told = []
    found = timing.measure_throughput(arm("a", told, 0.02, 0.0), ASKED, [1, 2, 6])
    assert found["batch"] == 6
    assert found["questions_per_second"] == pytest.approx(6 / 0.02, rel=0.5)
    assert [batch for _, batch, _ in told] == [1, 2, 6]


def test_a_search_is_timed_step_by_step_and_reranked_where_there_is_a_reranker():
    hits = [("a", 0.9), ("b", 0.8)]

    def embed(texts):
        return np.ones((len(texts), 2), np.float32)

    plain = Index(embed, lambda question, vector: hits)
    assert search(plain, "?")[0] == ["a", "b"] and set(search(plain, "?")[1]) == {"embed", "search"}
    turned = Index(embed, lambda question, vector: hits, lambda question, found: found[::-1])
    found, took = search(turned, "?")
    assert found == ["b", "a"] and set(took) == {"embed", "search", "rerank"}
