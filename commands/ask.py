"""Ask all arms a question: their answers side by side, with milliseconds and what each read.

python -m commands.ask [QUESTION]    without QUESTION: each line of the standard input is one
"""

import sys
import time
from collections.abc import Iterator

from parts.answering.arm_engine import AnswerParams
from parts.answering.timing import TimedArm
from parts.project import params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.errors import UserError
from parts.text.answer_format import extract_answer, is_in_form
from parts.text.terminal import table
from stages.latency import ready

HEAD = ("arm", "answer", "ms", "passages")


def ask(arm: TimedArm, question: str) -> tuple[str, float, list[str]]:
    """Return the answer of `arm`, its milliseconds, and the headings of the passages it was shown, the best first."""
    start = time.perf_counter()
    passages, _ = arm.search("", question)
    prompt, n_shown = arm.engine.prompt(question, passages)
    (response,) = arm.engine.respond([prompt], batch=1)
    milliseconds = (time.perf_counter() - start) * 1000
    answer = extract_answer(response.text) if is_in_form(response.text) else response.text
    return " ".join(answer.split()), milliseconds, [heading for heading, _ in passages[:n_shown]]


def main(question: str = "") -> None:
    """Print the answers of every arm that can be asked something new: not those that are handed the gold passages."""
    arms = {name: arm for name, arm in load_arms().items() if arm.retriever != "gold"}
    with ready(arms, params.load("answer", AnswerParams)) as timed:
        for line in _questions(question):
            print(line)
            answers = {name: ask(arm, line) for name, arm in timed.items()}
            rows = [(name, text, f"{ms:.0f}", f"{len(shown)}") for name, (text, ms, shown) in answers.items()]
            print(table(HEAD, rows, "left"))
            for arms_shown, headings in _shown(answers):
                print(f"{arms_shown} read: " + "; ".join(headings))
            print(flush=True)


def _questions(question: str) -> Iterator[str]:
    """Yield `question`, or without it the lines of the standard input. Raises UserError where there is none."""
    if not question and sys.stdin.isatty():
        raise UserError('no question: make ask Q="What does a lamp cost?", or one a line on the standard input')
    for line in [question] if question else sys.stdin:
        if line.strip():
            yield line.strip()


def _shown(answers: dict[str, tuple[str, float, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of arms that were shown the same passages, and these passages' headings."""
    by_headings: dict[tuple[str, ...], list[str]] = {}
    for name, (_, _, headings) in answers.items():
        by_headings.setdefault(tuple(headings), []).append(name)
    for headings, names in by_headings.items():
        if headings:
            yield " and ".join(names), list(headings)


if __name__ == "__main__":
    run(main)
