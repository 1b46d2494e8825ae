"""Time each arm's answers, one question at a time, and its throughput, many at once."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parts.answering.cascade import Thresholds, is_confident, rounded
from parts.answering.engine import Engine, Response
from parts.project import machine
from parts.retrieval.contexts import Passage
from parts.retrieval.timed_search import Search, SearchResult

STEPS = ("embed", "search", "rerank", "prefill", "decode")

Row = dict[str, str | int | float]
"""One timing: round, question_id, kind, arm; prompt_tokens, new_tokens; and what `TimedArm.measure` returns, in ms."""


class TimedQuestion(NamedTuple):
    """A question to time."""

    question_id: str
    kind: str
    question: str
    options: list[str] | None


class Attempt(NamedTuple):
    """An answer of an arm to a question: a cascade may make two."""

    response: Response
    passages: list[Passage]
    """shown, the best first"""
    wall: dict[str, float]
    """seconds of each step"""
    retrieval: float
    """seconds to be paid for before the prompt, of the engine's clock"""
    store: float
    """those of them in the passage store, a process of its own, whose CPU seconds are at most those on the wall"""


@dataclass(frozen=True)
class TimedArm:
    """An arm's engine and its search, and of a cascade its thresholds."""

    engine: Engine
    search: Search
    thresholds: Thresholds | None = None
    closed: Engine | None = None
    """of a cascade, the engine that answers first, closed book"""

    def attempts(self, timed: TimedQuestion) -> Iterator[Attempt]:
        """Yield each answer to a question: the one of the arm, or of a cascade the one closed book, and the one looked up."""
        if self.thresholds:
            closed = self._attempt(self.closed, timed, ([], {}), (0.0, 0.0))
            yield closed
            if is_confident(rounded(closed.response.confidence), self.thresholds.look_up_below):
                return
        clock = self.engine.clock
        start = machine.seconds(clock)
        passages, seconds = self.search(timed.question_id, timed.question)
        store = seconds.get("search", 0.0) if clock == "cpu" else 0.0
        charges = machine.seconds(clock) - start + store, store
        yield self._attempt(self.engine, timed, (passages, seconds), charges)

    def _attempt(
        self, engine: Engine, timed: TimedQuestion, result: SearchResult, charges: tuple[float, float]
    ) -> Attempt:
        passages, seconds = result
        prompt, n_shown = engine.prompt(timed.question, passages, timed.options)
        ready = time.perf_counter()
        response = engine.respond([prompt], batch=1)[0]
        decode = time.perf_counter() - ready - response.first_token_seconds
        wall = seconds | {"prefill": response.first_token_seconds, "decode": decode}
        return Attempt(response, passages[:n_shown], wall, *charges)

    def measure(self, timed: TimedQuestion) -> Row:
        """Return the tokens of an answer, and milliseconds: on the wall `whole` and each step, and what is to be paid for.

        charged: of the engine's clock; charged_retrieval: the part of it before the prompt. A cascade's are of all it did.
        """
        clock, start, charge_start = self.engine.clock, time.perf_counter(), machine.seconds(self.engine.clock)
        attempts = list(self.attempts(timed))
        end, charged = time.perf_counter(), machine.seconds(clock) - charge_start
        wall = {step: sum(attempt.wall.get(step, 0.0) for attempt in attempts) for step in STEPS}
        wall |= {"whole": end - start, "charged": charged + sum(attempt.store for attempt in attempts)}
        wall["charged_retrieval"] = sum(attempt.retrieval for attempt in attempts)
        responses = [attempt.response for attempt in attempts]
        tokens = {key: sum(getattr(response, key) for response in responses) for key in ("prompt_tokens", "new_tokens")}
        return tokens | {step: value * 1000 for step, value in wall.items()}

    def respond_to_all(self, prompts: list[tuple[str, str]], batch: int) -> None:
        """Answer a question for each of `prompts` (without passages, with passages), `batch` at a time."""
        if not self.thresholds:
            self.engine.respond([with_passages for _, with_passages in prompts], batch)
            return
        closed = self.closed.respond([without for without, _ in prompts], batch)
        unsure = [
            with_passages
            for response, (_, with_passages) in zip(closed, prompts, strict=True)
            if not is_confident(rounded(response.confidence), self.thresholds.look_up_below)
        ]
        self.engine.respond(unsure, batch)


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
    prompts = []
    for timed in questions:
        passages, _ = arm.search(timed.question_id, timed.question)
        without, _ = arm.engine.prompt(timed.question, [], timed.options)
        prompts.append((without, arm.engine.prompt(timed.question, passages, timed.options)[0]))
    rates = {}
    for size in sizes:
        start = time.perf_counter()
        arm.respond_to_all(prompts, size)
        rates[size] = len(prompts) / (time.perf_counter() - start)
    best = max(rates, key=rates.__getitem__)
    return {"questions_per_second": rates[best], "batch": best}
