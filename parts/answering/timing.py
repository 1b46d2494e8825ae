"""Measure each arm's latency, one question at a time, and its throughput, many at once."""

import time
from dataclasses import dataclass

import numpy as np

from parts.answering.engine import Engine
from parts.retrieval.timed_search import Search

STEPS = ("embed", "search", "rerank", "prefill", "decode")


TimedQuestion = tuple[str, str, list[str] | None]
"""question id, question, options"""


@dataclass(frozen=True)
class TimedArm:
    """An arm's engine and its search."""

    engine: Engine
    search: Search

    def measure(self, timed_question: TimedQuestion) -> dict[str, float]:
        """Return the milliseconds that an answer takes: `whole`, and each step."""
        question_id, question, options = timed_question
        start = time.perf_counter()
        passages, seconds = self.search(question_id, question)
        prompt, _ = self.engine.prompt(question, passages, options)
        ready = time.perf_counter()
        response = self.engine.respond([prompt], batch=1)[0]
        end = time.perf_counter()
        prefill = response.first_token_seconds
        seconds |= {"prefill": prefill, "decode": end - ready - prefill, "whole": end - start}
        return {step: value * 1000 for step, value in seconds.items()}


def measure_latency(
    arms: dict[str, TimedArm], questions: list[TimedQuestion], warmup: int
) -> dict[str, dict[str, float]]:
    """Return each arm's latency over `questions` but the first `warmup`: the arms take turns, and turns at being first."""
    names, times = list(arms), {name: [] for name in arms}
    for index, question in enumerate(questions):
        turn = index % len(names)
        for name in names[turn:] + names[:turn]:
            milliseconds = arms[name].measure(question)
            if index >= warmup:
                times[name].append(milliseconds)
    return {name: summary(rows) for name, rows in times.items()}


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return p50, p95 and mean of the whole, and p50 of each step, in milliseconds; a step that is not taken is 0."""
    whole = [row["whole"] for row in rows]
    steps = {f"{step}_p50_ms": float(np.median([row.get(step, 0.0) for row in rows])) for step in STEPS}
    p50, p95 = (float(np.percentile(whole, percent)) for percent in (50, 95))
    return {"p50_ms": p50, "p95_ms": p95, "mean_ms": float(np.mean(whole))} | steps


def measure_throughput(arm: TimedArm, questions: list[TimedQuestion], sizes: list[int]) -> dict[str, float]:
    """Return the questions per second at the fastest of the batch `sizes`, and that size; searches are not timed."""
    prompts = [
        arm.engine.prompt(question, arm.search(question_id, question)[0], options)[0]
        for question_id, question, options in questions
    ]
    rates = {}
    for size in sizes:
        start = time.perf_counter()
        arm.engine.respond(prompts, size)
        rates[size] = len(prompts) / (time.perf_counter() - start)
    best = max(rates, key=rates.__getitem__)
    return {"questions_per_second": rates[best], "batch": best}
