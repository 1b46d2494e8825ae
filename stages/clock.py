"""Time an arm, one question at a time, as one person asking would wait.

reads   Questions           one row per exam question
        Chunks              one row per passage
        Contexts[retriever] one row per question and rank (for an arm that is given its passages, not made to search)
writes  metrics/clock/ARM.json
"""

import contextlib
import importlib
import random
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from pydantic import BaseModel, Field

from parts import answering, metrics, params, store
from parts.arms import Arm
from parts.engines.transformers import Engine, Passage
from parts.errors import run
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `clock` of params.yaml."""

    questions: int = Field(ge=1)  # timed, drawn from the exam
    warmup: int = Field(ge=0)  # asked before, and not timed
    seed: int


Find = Callable[[str, str], list[Passage]]
"""(question id, question) -> passages, best first"""


def clock(asked: list[tuple[str, str]], find: Find, engine: Engine, warmup: int) -> dict[str, float]:
    """Return median and 95th percentile of the milliseconds from question to answer, in all and for finding passages."""
    found, whole = [], []
    for at, (question_id, question) in enumerate(asked):
        start = time.perf_counter()
        passages = find(question_id, question)
        searched = time.perf_counter()
        engine.respond([engine.prompt(question, passages)[0]], batch=1)
        if at >= warmup:
            found.append((searched - start) * 1000)
            whole.append((time.perf_counter() - start) * 1000)
    return {
        "p50_ms": float(np.percentile(whole, 50)), "p95_ms": float(np.percentile(whole, 95)),
        "mean_ms": float(np.mean(whole)), "retrieve_p50_ms": float(np.percentile(found, 50)),
    }  # fmt: skip


@contextlib.contextmanager
def finding(arm: Arm, chunks: pl.DataFrame, most: int):
    """Yield how the arm comes by its passages: a search where it searches, else what its contexts hold."""
    part = importlib.import_module(f"parts.retrievers.{arm.contexts}")
    if not hasattr(part, "indexed"):
        held = answering.passages(Contexts.read(arm.contexts), chunks, most)
        yield lambda question_id, question: held.get(question_id, [])
        return
    texts = {row["chunk_id"]: (row["heading"], row["text"]) for row in chunks.iter_rows(named=True)}
    with part.indexed(chunks, params.load("retrieve", store.Params)) as index:
        yield lambda question_id, question: [texts[chunk_id] for chunk_id, _ in index.find(question)[:most]]


def main(name: str) -> None:
    """Write metrics/clock/`name`.json."""
    given, shared = params.load("clock", Params), params.load("answer", answering.Params)
    arm = params.load(f"arms.{name}", Arm)
    asked = Questions.read().select("question_id", "question").rows()
    asked = random.Random(given.seed).sample(asked, min(len(asked), given.warmup + given.questions))
    with finding(arm, Chunks.read(), shared.passages) as find:
        found = clock(asked, find, answering.engine(arm, shared), min(given.warmup, len(asked) - 1))
    metrics.write(f"clock/{name}", found)
    print(f"{name}: {found['p50_ms']:.0f} ms a question (median), {found['p95_ms']:.0f} at the 95th percentile")


if __name__ == "__main__":
    run(main)
