"""Show what changed between a revision and the working tree: params, metrics, and questions graded differently.

python -m commands.diff REVISION [--md] [--machine]    --machine: compare metrics/machine, too
"""

import re
import signal
import textwrap
from collections.abc import Mapping, Sequence

from commands import answer_flips, git, run_values
from commands.run_values import Change
from parts.project.command import run
from parts.text import markdown, terminal

OTHER = "counts of the stages"
GROUPS = {
    "accuracy": r"verdict\.|kinds\.|studied\.",
    "scores": r"score/",
    OTHER: r"$",
    "seconds, and costs made of them (they vary from run to run)": r"machine/",
}
"""Heading -> pattern of the metrics below it, the most important first. The last match counts; OTHER where none does."""

HEAD = ("", "before", "now", "change")


def grouped(before: run_values.Flat, now: run_values.Flat) -> dict[str, list[Change]]:
    """Return the metrics that changed by heading of GROUPS; an interval changes together with its value."""
    shown = run_values.intervals(before) | run_values.intervals(now)
    groups: dict[str, list[Change]] = {heading: [] for heading in GROUPS}
    for change in run_values.changes_between(before, now):
        if change.name in before | now and change.name not in shown:
            continue
        matches = [heading for heading, pattern in GROUPS.items() if re.match(pattern, change.name)]
        groups[[OTHER, *matches][-1]].append(change)
    return {heading: changes for heading, changes in groups.items() if changes}


def rows(changes: Sequence[Change], before: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return a row of HEAD for each change, with the texts of its values in `before` and `now`; the verdict comes first."""
    return [
        (
            change.name.removeprefix("verdict."),
            before.get(change.name, run_values.exact(change.old)),
            now.get(change.name, run_values.exact(change.new)),
            run_values.gap(change),
        )
        for change in sorted(changes, key=lambda change: not change.name.startswith("verdict."))
    ]


def sections(revision: str, name: str, machine: bool = False) -> dict[str, list[tuple[str, ...]]]:
    """Return rows of HEAD by heading: params, then metrics. Raises UserError for what is no repository of closedbook."""
    old, new = (run_values.texts(run) for run in (revision, run_values.WORKING))
    params = run_values.changes_between(run_values.params(old), run_values.params(new))
    before, now = (run_values.metrics(texts, machine) for texts in (old, new))
    shown = (run_values.intervals(before), run_values.intervals(now))
    tables = {f"params, {name} against the working tree": rows(params, {}, {})}
    return tables | {heading: rows(changes, *shown) for heading, changes in grouped(before, now).items()}


def to_text(revision: str, name: str, machine: bool = False) -> str:
    """Return params and metrics for a terminal."""
    lines = []
    for heading, changes in sections(revision, name, machine).items():
        table = textwrap.indent(terminal.table(HEAD, changes, "left"), "  ") if changes else "  no change"
        lines += [heading, table, ""]
    return "\n".join(lines)


def to_markdown(revision: str, name: str, machine: bool = False) -> str:
    """Return params and metrics as Markdown: params and accuracy open, the others folded."""
    blocks = []
    for index, (heading, changes) in enumerate(sections(revision, name, machine).items()):
        cells = [tuple(map(markdown.code_span, change)) for change in changes]
        table = markdown.table(HEAD, cells) if cells else "No change."
        is_open = index == 0 or heading == "accuracy"
        blocks.append(f"**{heading}**\n\n{table}" if is_open else markdown.details(f"{heading} ({len(cells)})", table))
    return "\n\n".join(blocks)


def main(revision: str = "HEAD", *, md: bool = False, machine: bool = False) -> None:
    """Print what changed against `revision`, the answers last."""
    commit = git.resolve(revision)
    print(to_markdown(commit, revision, machine) + "\n" if md else to_text(commit, revision, machine))
    print(answer_flips.describe(commit, revision, answer_flips.to_markdown if md else answer_flips.to_text))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is closed early is no error
    run(main)
