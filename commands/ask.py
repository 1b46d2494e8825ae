"""Ask all arms a question: their answers side by side, with milliseconds, confidence and what each read.

python -m commands.ask [QUESTION]    without QUESTION: each line of the standard input is one
"""

import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from parts.answering.arm_engine import AnswerParams
from parts.answering.cascade import Thresholds, is_confident
from parts.answering.timing import Attempt, TimedArm, TimedQuestion
from parts.project import params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.errors import UserError
from parts.text.answer_format import REFUSAL, extract_answer, is_in_form
from parts.text.terminal import table
from stages.latency import ready

HEAD = ("arm", "answer", "confidence", "ms", "passages")


class Reply(NamedTuple):
    """What an arm answered."""

    text: str
    confidence: float | None
    milliseconds: float
    headings: list[str]
    """of the passages it was shown, the best first"""
    story: str = ""
    """what a cascade did, and why"""


def ask(arm: TimedArm, question: str) -> Reply:
    """Return the reply of `arm`."""
    start = time.perf_counter()
    attempts = list(arm.attempts(TimedQuestion("", "", question, None)))
    milliseconds = (time.perf_counter() - start) * 1000
    response = attempts[-1].response
    headings = [heading for heading, _ in attempts[-1].passages]
    answer = extract_answer(response.text) if is_in_form(response.text) else response.text
    story = _story(attempts, arm.thresholds) if arm.thresholds else ""
    if story.endswith("declines"):
        answer = REFUSAL
    return Reply(" ".join(answer.split()), response.confidence, milliseconds, headings, story)


def _story(attempts: list[Attempt], thresholds: Thresholds) -> str:
    """Return what a cascade did: each answer with its confidence beside the threshold."""
    closed, *opened = (attempt.response for attempt in attempts)
    first = f"closed book {extract_answer(closed.text)!r}"
    if not opened:
        return f"{first}, {_beside(closed.confidence, thresholds.look_up_below)}: kept"
    declines = not is_confident(opened[0].confidence, thresholds.decline_below)
    second = (
        f"with passages {extract_answer(opened[0].text)!r}, {_beside(opened[0].confidence, thresholds.decline_below)}"
    )
    start = f"{first}, {_beside(closed.confidence, thresholds.look_up_below)}: looked up; {second}"
    return f"{start}: {'declines' if declines else 'kept'}"


def _beside(confidence: float, threshold: float) -> str:
    return f"confidence {confidence:.2f}, {'at least' if confidence >= threshold else 'below'} {threshold:.2f}"


def main(question: str = "") -> None:
    """Print the answers of every arm that can be asked something new: not those that are handed the gold passages."""
    arms = {name: arm for name, arm in load_arms().items() if arm.retriever != "gold"}
    with ready(arms, params.load("answer", AnswerParams)) as timed:
        for line in _questions(question):
            print(line)
            replies = {name: ask(arm, line) for name, arm in timed.items()}
            print(table(HEAD, [_row(name, reply) for name, reply in replies.items()], "left"))
            for name, reply in replies.items():
                if reply.story:
                    print(f"{name}: {reply.story}")
            for arms_shown, headings in _shown(replies):
                print(f"{arms_shown} read: " + "; ".join(headings))
            print(flush=True)


def _row(name: str, reply: Reply) -> tuple[str, ...]:
    confidence = "" if reply.confidence is None else f"{reply.confidence:.2f}"
    return (name, reply.text, confidence, f"{reply.milliseconds:.0f}", f"{len(reply.headings)}")


def _questions(question: str) -> Iterator[str]:
    """Yield `question`, or without it the lines of the standard input. Raises UserError where there is none."""
    if not question and sys.stdin.isatty():
        raise UserError('no question: make ask Q="What does a lamp cost?", or one a line on the standard input')
    for line in [question] if question else sys.stdin:
        if line.strip():
            yield line.strip()


def _shown(replies: dict[str, Reply]) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of arms that were shown the same passages, and these passages' headings."""
    by_headings: dict[tuple[str, ...], list[str]] = {}
    for name, reply in replies.items():
        by_headings.setdefault(tuple(reply.headings), []).append(name)
    for headings, names in by_headings.items():
        if headings:
            yield " and ".join(names), list(headings)


if __name__ == "__main__":
    run(main)
