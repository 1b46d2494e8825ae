"""Show what the working tree changes against a revision: params, metrics, and which questions it now answers otherwise.

python -m commands.diff REVISION [--md]
"""

import re
import signal
import textwrap
from collections.abc import Mapping, Sequence

from commands import answer_flips, git, run_values
from commands.run_values import Change
from parts.project.command import run
from parts.text import markdown
from parts.text.terminal import table

COUNTS = "what stages counted"
GROUPS = {
    "accuracy": r"verdict\.|kinds\.|studied\.",
    "scores": r"score/",
    COUNTS: r"$",
    "times, and the costs made of them (they differ from run to run)": (
        r"latency/|cost\.|.*\.(seconds|estimate_error|cost_\w+|break_even\w*)$"
    ),
}
"""The metrics in the order of their weight: a heading, and what the names match. The last match counts; none: COUNTS."""

HEAD = ("", "before", "now", "change")


def grouped(before: run_values.Flat, now: run_values.Flat) -> dict[str, list[Change]]:
    """Return the metrics that changed by heading of GROUPS; the ends of an interval are not told apart from its middle."""
    told = (run_values.intervals(before), run_values.intervals(now))
    found: dict[str, list[Change]] = {heading: [] for heading in GROUPS}
    for change in run_values.changes_between(before, now):
        if change.name in before | now and not any(change.name in one for one in told):
            continue
        matches = [heading for heading, pattern in GROUPS.items() if re.match(pattern, change.name)]
        found[[COUNTS, *matches][-1]].append(change)
    return {heading: some for heading, some in found.items() if some}


def rows(some: Sequence[Change], before: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return a row of HEAD for each change, as `before` and `now` show its values; the verdict comes first."""
    some = sorted(some, key=lambda change: not change.name.startswith("verdict."))
    return [
        (
            change.name.removeprefix("verdict."),
            before.get(change.name, run_values.exact(change.old)),
            now.get(change.name, run_values.exact(change.new)),
            run_values.gap(change),
        )
        for change in some
    ]


def sections(revision: str, name: str) -> dict[str, list[tuple[str, ...]]]:
    """Return rows of HEAD by heading: params, then metrics. Raises Mistake."""
    old, new = (run_values.texts(one) for one in (revision, run_values.WORKING))
    params = run_values.changes_between(run_values.params(old), run_values.params(new))
    before, now = (run_values.metrics(texts) for texts in (old, new))
    shown = (run_values.intervals(before), run_values.intervals(now))
    found = {f"params, {name} against the working tree": rows(params, {}, {})}
    return found | {heading: rows(some, *shown) for heading, some in grouped(before, now).items()}


def to_text(revision: str, name: str) -> str:
    """Return params and metrics for a terminal."""
    said = []
    for heading, lines in sections(revision, name).items():
        said += [
            f"{heading}",
            *([textwrap.indent(table(HEAD, lines, "left"), "  ")] if lines else ["  the same"]),
            "",
        ]
    return "\n".join(said)


def to_markdown(revision: str, name: str) -> str:
    """Return the same as Markdown: the first headings open, counts and times folded away."""
    said = []
    for at, (heading, lines) in enumerate(sections(revision, name).items()):
        body = markdown.table(HEAD, [list(map(markdown.code_span, line)) for line in lines]) if lines else "The same."
        is_open = at == 0 or heading == "accuracy"
        said.append(f"**{heading}**\n\n{body}" if is_open else markdown.details(f"{heading} ({len(lines)})", body))
    return "\n\n".join(said)


def main(revision: str = "HEAD", *, md: bool = False) -> None:
    """Print what changed against `revision`, the answers last."""
    commit = git.resolve(revision)
    print(to_markdown(commit, revision) + "\n" if md else to_text(commit, revision))
    print(answer_flips.describe(commit, revision, answer_flips.to_markdown if md else answer_flips.to_text))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever closes the pager has seen enough
    run(main)
