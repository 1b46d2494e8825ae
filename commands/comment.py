"""Write what a pull request is told of its run: the verdict, what changed, which answers flipped, and what it cost.

python -m commands.comment REVISION SECONDS [LOG]    LOG: what a run that failed said; its end is all that is told
"""

import html
from pathlib import Path

from commands import answer_flips, diff, git, history
from parts.llm import prices
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.verdict import sentences

MARK = "<!-- closedbook verdict -->"
"""The first line of the comment, by which .github/scripts/post.py finds it again."""
MOST = 60_000  # bytes; GitHub takes 65,536 characters
TAIL = 25  # lines of a log


def cost(seconds: float) -> str:
    """Return what the run took by the clock, and what was asked and trained for what it found, in tokens and dollars."""
    listed, server = prices.load(), params.load("teacher", Server)
    asked = [metrics.read(f"synthesize/{path.stem}") for path in sorted(Path("metrics/synthesize").glob("*.json"))]
    prompt, new = (sum(row[key] for row in asked) for key in ("prompt_tokens", "new_tokens"))
    taught, trained = listed.cost_of_tokens(server.model, prompt, new), metrics.read("train")
    said = [
        f"This run took {seconds / 60:.1f} minutes (${listed.cost_of_machine(seconds):.4f} of machine).",
        f"Its rows took {prompt + new:,} tokens of the teacher ({_dollars(taught)}, kept answers at their price too) and its "
        f"training {trained['tokens']:,} tokens in {trained['seconds'] / 60:.1f} minutes.",
        f"By arm: {history.cost(metrics.read('cost'))}. Prices of {listed.dated}.",
    ]
    return "\n".join(f"- {line}" for line in said)


def _dollars(value: float | None) -> str:
    return "no price in prices.yaml" if value is None else f"${value:.2f}"


def failed(log: str, seconds: float) -> str:
    """Return that the run failed, and the end of what it said, as text alone."""
    lines = ["".join(mark if mark.isprintable() else " " for mark in line) for line in log.splitlines()[-TAIL:]]
    said = html.escape("\n".join(line[:500] for line in lines))
    return f"{MARK}\n## The run failed\n\nAfter {seconds / 60:.1f} minutes. The end of its log:\n\n<pre>{said}</pre>\n"


def comment(revision: str, seconds: float) -> str:
    """Return the comment on the working tree against a revision, of MOST bytes: long lists of flips are cut first."""
    name = revision[:7]
    try:
        both, unknown = answer_flips.compare_answers(revision, name), ""
    except UserError as error:
        both, unknown = None, str(error)
    for most in (40, 10, 3, 0):
        parts = {
            "Verdict": sentences.markdown(),
            f"Metrics against {name}": diff.to_markdown(revision, name),
            "Changed answers": unknown if both is None else answer_flips.to_markdown(both, name, most),
            "Cost": cost(seconds),
        }
        text = "\n\n".join([MARK, *(f"## {title}\n\n{part}" for title, part in parts.items())]) + "\n"
        if len(text.encode()) <= MOST:
            return text
    raise UserError(
        f"params and metrics that changed against {name} fill more than {MOST:,} bytes: `make diff` shows them"
    )


def main(revision: str, seconds: float, log: str = "") -> None:
    """Print the comment."""
    if log:
        print(failed(Path(log).read_text(errors="replace"), seconds))
    else:
        print(comment(git.resolve(revision), seconds))


if __name__ == "__main__":
    run(main)
