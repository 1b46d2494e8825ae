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
from collections.abc import Iterator

from pydantic import BaseModel, Field

from parts.answering import arm_engine
from parts.answering.timing import Timed, clock, throughput
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import NAMES, Arm, Student
from parts.retrieval.timed_search import finding
from schemas.chunks import Chunks
from schemas.questions import Questions


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `clock` of params.yaml."""

    questions: int = Field(ge=1)  # timed, drawn from the exam
    warmup: int = Field(ge=0)  # asked before, and not timed
    batches: list[int] = Field(min_length=1)  # sizes of which the fastest is reported
    seed: int


@contextlib.contextmanager
def ready(arms: dict[str, Arm], given: arm_engine.Params) -> Iterator[dict[str, Timed]]:
    """Yield the arms ready to be timed; arms of the same weights share a model, and of the same retriever an index."""
    chunks, student = Chunks.read(), params.load("student", Student)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(arm_engine.server(given))
        finds = {
            name: stack.enter_context(finding(name, chunks, given.passages))
            for name in dict.fromkeys(arm.contexts for arm in arms.values())
        }
        engines = {arm_engine.weights(arm, student): arm for arm in arms.values()}
        engines = {model: arm_engine.engine(arm, given, url) for model, arm in engines.items()}
        yield {
            name: Timed(engines[arm_engine.weights(arm, student)], finds[arm.contexts]) for name, arm in arms.items()
        }


def main() -> None:
    """Write metrics/clock/ARM.json of every arm."""
    given, shared = params.load("clock", Params), params.load("answer", arm_engine.Params)
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
