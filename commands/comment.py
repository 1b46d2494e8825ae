"""Write the comment on a pull request: the verdict, changed params and metrics, flipped answers, and costs.

python -m commands.comment REVISION SECONDS [LOG]    LOG: the log of a run that failed; the comment shows its end
"""

import html
from pathlib import Path

from commands import answer_flips, diff, git, history
from parts.llm import prices
from parts.project import machine, metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.text.numbers import dollars
from parts.verdict import sentences

MARK = "<!-- closedbook verdict -->"
"""The first line of the comment, by which .github/scripts/post.py recognises it."""
MAX_BYTES = 60_000  # GitHub takes 65,536 characters
LOG_LINES = 25


def cost(seconds: float) -> str:
    """Return a list of the run's duration, the tokens and dollars of teacher and training, and the costs by arm."""
    listed, server = prices.load(), params.load("teacher", Server)
    usages = [metrics.read(f"synthesize/{name}") for name in params.names("synthesize")]
    prompt_tokens, new_tokens = (sum(usage[key] for usage in usages) for key in ("prompt_tokens", "new_tokens"))
    teacher = listed.cost_of_tokens(server.model, prompt_tokens, new_tokens)
    trainings = [metrics.read(f"{path.parent.name}/{path.stem}") for path in Path("metrics").glob("train*/*.json")]
    tokens = sum(training["tokens"] for training in trainings)
    lines = [
        f"This run took {seconds / 60:.1f} minutes ({dollars(listed.cost_of_machine(seconds))} of machine time).",
        f"Teacher: {prompt_tokens + new_tokens:,} tokens ({_dollars(teacher)}, cached replies included). "
        f"{len(trainings)} trainings: {tokens:,} tokens.",
        f"By arm: {history.cost(machine.read('cost'), metrics.read('verdict'))}. Prices of {listed.dated}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _dollars(value: float | None) -> str:
    return "no price in prices.yaml" if value is None else f"${value:.2f}"


def failure(log: str, seconds: float) -> str:
    """Return the comment on a run that failed: the end of its log, as text without markup."""
    lines = ["".join(char if char.isprintable() else " " for char in line) for line in log.splitlines()[-LOG_LINES:]]
    end = html.escape("\n".join(line[:500] for line in lines))
    return f"{MARK}\n## The run failed\n\nAfter {seconds / 60:.1f} minutes. The end of its log:\n\n<pre>{end}</pre>\n"


def comment(revision: str, seconds: float) -> str:
    """Return the comment on the working tree against a revision; lists of flips are shortened to fit MAX_BYTES.

    Raises UserError when the rest alone is longer.
    """
    name = revision[:7]
    try:
        pairs, reason = answer_flips.compare_answers(revision, name), ""
    except UserError as error:
        pairs, reason = None, str(error)
    for most in (40, 10, 3, 0):
        sections = {
            "Verdict": sentences.markdown(),
            f"Metrics against {name}": diff.to_markdown(revision, name),
            "Changed answers": reason if pairs is None else answer_flips.to_markdown(pairs, name, most),
            "Cost": cost(seconds),
        }
        text = "\n\n".join([MARK, *(f"## {title}\n\n{section}" for title, section in sections.items())]) + "\n"
        if len(text.encode()) <= MAX_BYTES:
            return text
    raise UserError(
        f"changed params and metrics against {name} are longer than {MAX_BYTES:,} bytes: `make diff` shows them"
    )


def main(revision: str, seconds: float, log: str = "") -> None:
    """Print the comment."""
    if log:
        print(failure(Path(log).read_text(errors="replace"), seconds))
    else:
        print(comment(git.resolve(revision), seconds))


if __name__ == "__main__":
    run(main)
