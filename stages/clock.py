"""Time every arm, one question at a time, as one person asking would wait; then many at once.

reads   Questions           one row per exam question
        Chunks              one row per passage
        Contexts[retriever] one row per question and rank (for an arm that is given its passages, not made to search)
writes  metrics/clock/ARM.json

One stage for all arms, which take turns question by question, each in its turn the first: what else the machine has to
do meets all of them alike, so that their ratios hold.
"""

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from parts import answering
from parts.asking import Engine
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import NAMES, Arm, Student
from parts.retrieval.timed_search import Find, finding
from schemas.chunks import Chunks
from schemas.questions import Questions

STEPS = ("embed", "search", "rerank", "prefill", "decode")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `clock` of params.yaml."""

    questions: int = Field(ge=1)  # timed, drawn from the exam
    warmup: int = Field(ge=0)  # asked before, and not timed
    batches: list[int] = Field(min_length=1)  # sizes of which the fastest is reported
    seed: int


Asked = tuple[str, str, list[str] | None]
"""question id, question, options"""


@dataclass(frozen=True)
class Timed:
    """How an arm answers."""

    engine: Engine
    find: Find

    def ask(self, asked: Asked) -> dict[str, float]:
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


def clock(arms: dict[str, Timed], asked: list[Asked], warmup: int) -> dict[str, dict[str, float]]:
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


def throughput(arm: Timed, asked: list[Asked], sizes: list[int]) -> dict[str, float]:
    """Return the questions answered in a second at the best of the batch `sizes`, and that size; searching not counted."""
    prompts = [arm.engine.prompt(question, arm.find(key, question)[0], options)[0] for key, question, options in asked]
    rates = {}
    for size in sizes:
        start = time.perf_counter()
        arm.engine.respond(prompts, size)
        rates[size] = len(prompts) / (time.perf_counter() - start)
    best = max(rates, key=rates.__getitem__)
    return {"questions_per_second": rates[best], "batch": best}


@contextlib.contextmanager
def ready(arms: dict[str, Arm], given: answering.Params) -> Iterator[dict[str, Timed]]:
    """Yield the arms ready to be timed; arms of the same weights share a model, and of the same retriever an index."""
    chunks, student = Chunks.read(), params.load("student", Student)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(answering.server(given))
        finds = {
            name: stack.enter_context(finding(name, chunks, given.passages))
            for name in dict.fromkeys(arm.contexts for arm in arms.values())
        }
        engines = {answering.weights(arm, student): arm for arm in arms.values()}
        engines = {model: answering.engine(arm, given, url) for model, arm in engines.items()}
        yield {name: Timed(engines[answering.weights(arm, student)], finds[arm.contexts]) for name, arm in arms.items()}


def main() -> None:
    """Write metrics/clock/ARM.json of every arm."""
    given, shared = params.load("clock", Params), params.load("answer", answering.Params)
    arms = {name: params.load(f"arms.{name}", Arm) for name in NAMES}
    rows = Questions.read().select("question_id", "question", "options").rows()
    asked = random.Random(given.seed).sample(rows, min(len(rows), given.warmup + given.questions))
    with ready(arms, shared) as timed:
        found = clock(timed, asked, min(given.warmup, len(asked) - 1))
        for name, arm in timed.items():
            found[name] |= throughput(arm, asked, given.batches)
    for name, figures in found.items():
        metrics.write(f"clock/{name}", figures)
        print(
            f"{name}: {figures['p50_ms']:.0f} ms a question (median), {figures['p95_ms']:.0f} at the 95th percentile; "
            f"{figures['questions_per_second']:.0f} a second, {figures['batch']} at once"
        )


if __name__ == "__main__":
    run(main)
