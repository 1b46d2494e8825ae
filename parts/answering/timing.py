"""Time each arm's answers, one question at a time, and its throughput, many at once."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parts.answering.engine import Engine
from parts.project import machine
from parts.retrieval.timed_search import Search

STEPS = ("embed", "search", "rerank", "prefill", "decode")

Row = dict[str, str | int | float]
"""One timing: round, question_id, kind, arm; prompt_tokens, new_tokens; and what `TimedArm.measure` returns, in ms."""


class TimedQuestion(NamedTuple):
    """A question to time."""

    question_id: str
    kind: str
    question: str
    options: list[str] | None


@dataclass(frozen=True)
class TimedArm:
    """An arm's engine and its search."""

    engine: Engine
    search: Search

    def measure(self, timed: TimedQuestion) -> Row:
        """Return the tokens of an answer, and milliseconds: on the wall `whole` and each step, and what is to be paid for.

        charged: of the engine's clock; charged_retrieval: the part of it before the prompt. The passage store works in a
        process of its own, whose CPU seconds are at most those on the wall: these are charged.
        """
        clock, start, charge_start = self.engine.clock, time.perf_counter(), machine.seconds(self.engine.clock)
        passages, wall = self.search(timed.question_id, timed.question)
        store = wall.get("search", 0.0) if clock == "cpu" else 0.0
        retrieval = machine.seconds(clock) - charge_start + store
        prompt, _ = self.engine.prompt(timed.question, passages, timed.options)
        ready = time.perf_counter()
        response = self.engine.respond([prompt], batch=1)[0]
        end, charged = time.perf_counter(), machine.seconds(clock) - charge_start + store
        prefill = response.first_token_seconds
        wall = dict.fromkeys(STEPS, 0.0) | wall | {"prefill": prefill, "decode": end - ready - prefill}
        wall |= {"whole": end - start, "charged": charged, "charged_retrieval": retrieval}
        tokens = {"prompt_tokens": response.prompt_tokens, "new_tokens": response.new_tokens}
        return tokens | {step: value * 1000 for step, value in wall.items()}


def measure_latency(
    arms: Mapping[str, TimedArm], questions: Sequence[TimedQuestion], rounds: int, warmup: int
) -> list[Row]:
    """Return a row for each round, question and arm: the arms take turns, and turns at being first.

    Before that every arm answers the first `warmup` questions untimed.
    """
    for question in questions[:warmup]:
        for arm in arms.values():
            arm.measure(question)
    names, rows = list(arms), []
    for round_number in range(1, rounds + 1):
        for index, question in enumerate(questions):
            turn = (index + round_number - 1) % len(names)
            for name in names[turn:] + names[:turn]:
                labels = {
                    "round": round_number,
                    "question_id": question.question_id,
                    "kind": question.kind,
                    "arm": name,
                }
                rows.append(labels | arms[name].measure(question))
    return rows


def measure_throughput(arm: TimedArm, questions: Sequence[TimedQuestion], sizes: list[int]) -> dict[str, float]:
    """Return the questions per second at the fastest of the batch `sizes`, and that size; searches are not timed."""
    prompts = [
        arm.engine.prompt(timed.question, arm.search(timed.question_id, timed.question)[0], timed.options)[0]
        for timed in questions
    ]
    rates = {}
    for size in sizes:
        start = time.perf_counter()
        arm.engine.respond(prompts, size)
        rates[size] = len(prompts) / (time.perf_counter() - start)
    best = max(rates, key=rates.__getitem__)
    return {"questions_per_second": rates[best], "batch": best}
