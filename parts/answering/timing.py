"""Time arms, one question at a time and many at once."""

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
    """How an arm answers."""

    engine: Engine
    find: Search

    def ask(self, asked: TimedQuestion) -> dict[str, float]:
        """Return the milliseconds of answering, in all and by step."""
        key, question, options = asked
        start = time.perf_counter()
        passages, took = self.find(key, question)
        text, _ = self.engine.prompt(question, passages, options)
        put = time.perf_counter()
        said = self.engine.respond([text], batch=1)[0]
        end = time.perf_counter()
        took |= {"prefill": said.first, "decode": end - put - said.first, "whole": end - start}
        return {step: seconds * 1000 for step, seconds in took.items()}


def measure_latency(arms: dict[str, TimedArm], asked: list[TimedQuestion], warmup: int) -> dict[str, dict[str, float]]:
    """Return each arm's percentiles over `asked` but the first `warmup`; arms take turns, and turns at being first."""
    names, found = list(arms), {name: [] for name in arms}
    for at, one in enumerate(asked):
        turn = at % len(names)
        for name in names[turn:] + names[:turn]:
            took = arms[name].ask(one)
            if at >= warmup:
                found[name].append(took)
    return {name: summary(rows) for name, rows in found.items()}


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the percentiles and the mean of the whole, and the median of each step; a step that is not taken is 0."""
    whole = [row["whole"] for row in rows]
    steps = {f"{step}_p50_ms": float(np.median([row.get(step, 0.0) for row in rows])) for step in STEPS}
    p50, p95 = (float(np.percentile(whole, share)) for share in (50, 95))
    return {"p50_ms": p50, "p95_ms": p95, "mean_ms": float(np.mean(whole))} | steps


def measure_throughput(arm: TimedArm, asked: list[TimedQuestion], sizes: list[int]) -> dict[str, float]:
    """Return the questions answered in a second at the best of the batch `sizes`, and that size; searching not counted."""
    prompts = [arm.engine.prompt(question, arm.find(key, question)[0], options)[0] for key, question, options in asked]
    rates = {}
    for size in sizes:
        start = time.perf_counter()
        arm.engine.respond(prompts, size)
        rates[size] = len(prompts) / (time.perf_counter() - start)
    best = max(rates, key=rates.__getitem__)
    return {"questions_per_second": rates[best], "batch": best}
