"""Measure every arm's latency, one question at a time, and its throughput, many at once.

reads   Questions           one row per exam question
        Chunks              one row per passage
        Contexts[retriever] one row per question and rank (of an arm that does not search)
        models/MODEL/SEED   by the first seed
        metrics/tune_cascade.json   when the cascade looks up
writes  metrics/machine/latency.json   milliseconds, charged ones too, and questions a second
        metrics/machine/timings.tsv    one row per round, question and arm
        data/timed/latency             a hash of the tokens of the answers that were timed

One stage times all arms: in several rounds over the same questions they take turns question by question, each in its turn
the first, so that other load of the machine meets all of them alike. The kinds of question have their shares of the exam.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts.answering import arm_engine, cascade, timing_summary
from parts.answering.timing import Row, TimedArm, TimedQuestion, measure_latency, measure_throughput
from parts.project import machine, params
from parts.project.arms import BASELINE, CANDIDATE, Arm, load_arms
from parts.project.command import run
from parts.project.files import replacing
from parts.project.seeds import seeds_of
from parts.retrieval.timed_search import timed_search
from schemas.chunks import Chunks
from schemas.questions import Questions

ROWS = Path("metrics/machine/timings.tsv")
RESULT = ("question_id", "arm", "prompt_tokens", "new_tokens")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `latency` of params.yaml."""

    questions: int = Field(ge=1)  # to time, sampled from the exam by kind
    rounds: int = Field(ge=1)  # over them; one leaves the saving of an arm without an interval
    warmup: int = Field(ge=0)  # questions answered before, not timed
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
        models = dict.fromkeys(model for arm in arms.values() for model in (arm.model, arm.look_up) if model)
        engines = {model: arm_engine.engine(model, answer, url, seed=seeds_of(model)[0]) for model in models}
        yield {
            name: TimedArm(engines[arm.look_up], searches[arm.retriever], cascade.read(), engines[arm.model])
            if arm.is_cascade
            else TimedArm(engines[arm.model], searches[arm.retriever])
            for name, arm in arms.items()
        }


def summaries(rows: list[Row], throughput: dict[str, dict], shares: dict[str, float]) -> dict[str, float]:
    """Return every arm's figures as KEY_ARM, and what the candidate saves: saved_KEY, saved_KEY_lo, saved_KEY_hi."""
    values = {}
    for arm, rates in throughput.items():
        figures = timing_summary.summary([row for row in rows if row["arm"] == arm], shares) | rates
        values |= {f"{key}_{arm}": value for key, value in figures.items()}
    for column in ("charged", "charged_retrieval"):
        saved = timing_summary.saving(rows, CANDIDATE, BASELINE, column, shares)
        values |= {f"saved_{column}_ms{end}": value for end, value in zip(("", "_lo", "_hi"), saved, strict=True)}
    return values


def main() -> None:
    """Write metrics/machine/latency.json, metrics/machine/timings.tsv and data/timed/latency."""
    section, answer = params.load("latency", Params), params.load("answer", arm_engine.AnswerParams)
    exam = [TimedQuestion(*row) for row in Questions.read().select(*TimedQuestion._fields).rows()]
    questions = timing_summary.sample(exam, section.questions, section.seed)
    with ready(load_arms(), answer) as arms:
        rows = measure_latency(arms, questions, section.rounds, section.warmup)
        throughput = {name: measure_throughput(arm, questions, section.batches) for name, arm in arms.items()}
        clock = arms[CANDIDATE].engine.clock
    values = summaries(rows, throughput, timing_summary.kind_shares(exam))
    with replacing(ROWS) as partial:
        pl.DataFrame(rows).write_csv(partial, separator="\t", float_precision=2)
    results = [[row[key] for key in RESULT] for row in rows if row["round"] == 1]
    counts = {"clock": clock, "questions": len(questions), "rounds": section.rounds}
    machine.write("latency", values | counts, results)
    for name in arms:
        p50, p95, rate, batch = (
            values[f"{key}_{name}"] for key in ("p50_ms", "p95_ms", "questions_per_second", "batch")
        )
        print(
            f"{name}: {p50:.0f} ms a question (median), {p95:.0f} at the 95th percentile; {rate:.0f} a second, {batch} at once"
        )


if __name__ == "__main__":
    run(main)
