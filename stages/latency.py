"""Measure every arm's latency, one question at a time, and its throughput, many at once.

reads   Questions           one row per exam question
        Chunks              one row per passage
        Contexts[retriever] one row per question and rank (of an arm that does not search)
        models/MODEL/SEED   by the first seed
writes  metrics/latency.json

One stage times all arms: they take turns question by question, each in its turn the first, so that other load of the
machine meets all of them alike and their ratios hold.
"""

import contextlib
import random
from collections.abc import Iterator

from pydantic import BaseModel, Field

from parts.answering import arm_engine
from parts.answering.timing import TimedArm, measure_latency, measure_throughput
from parts.project import metrics, params
from parts.project.arms import Arm, load_arms
from parts.project.command import run
from parts.project.seeds import seeds_of
from parts.retrieval.timed_search import timed_search
from schemas.chunks import Chunks
from schemas.questions import Questions


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `latency` of params.yaml."""

    questions: int = Field(ge=1)  # to time, sampled from the exam
    warmup: int = Field(ge=0)  # questions before those, not timed
    batches: list[int] = Field(min_length=1)  # batch sizes to try; the fastest is reported
    seed: int


@contextlib.contextmanager
def ready(arms: dict[str, Arm], answer: arm_engine.AnswerParams) -> Iterator[dict[str, TimedArm]]:
    """Yield the arms ready to be timed; arms with the same model share an engine, with the same retriever an index."""
    chunks = Chunks.read()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(arm_engine.server(answer))
        searches = {
            name: stack.enter_context(timed_search(name, chunks, answer.passages))
            for name in dict.fromkeys(arm.retriever for arm in arms.values())
        }
        models = dict.fromkeys(arm.model for arm in arms.values())
        engines = {model: arm_engine.engine(model, answer, url, seed=seeds_of(model)[0]) for model in models}
        yield {name: TimedArm(engines[arm.model], searches[arm.retriever]) for name, arm in arms.items()}


def main() -> None:
    """Write metrics/latency.json."""
    section, answer = params.load("latency", Params), params.load("answer", arm_engine.AnswerParams)
    rows = Questions.read().select("question_id", "question", "options").rows()
    questions = random.Random(section.seed).sample(rows, min(len(rows), section.warmup + section.questions))
    with ready(load_arms(), answer) as arms:
        by_arm = measure_latency(arms, questions, min(section.warmup, len(questions) - 1))
        for name, arm in arms.items():
            by_arm[name] |= measure_throughput(arm, questions, section.batches)
    metrics.write("latency", {f"{key}_{name}": value for name, row in by_arm.items() for key, value in row.items()})
    for name, figures in by_arm.items():
        print(
            f"{name}: {figures['p50_ms']:.0f} ms a question (median), {figures['p95_ms']:.0f} at the 95th percentile; "
            f"{figures['questions_per_second']:.0f} a second, {figures['batch']} at once"
        )


if __name__ == "__main__":
    run(main)
