"""List the runs that are kept in git, newest first: params that changed, verdict, accuracies and costs.

python -m commands.history [--md]

A run is a commit that changed metrics/verdict.json, or a DVC experiment. A commit is compared with the run before it,
an experiment with the commit it was run on.
"""

import json
import signal
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands import git, run_values
from commands.git import File, Revision
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.metrics import Value
from parts.text import markdown
from parts.text.numbers import dollars
from parts.verdict.comparison import compared_arms
from parts.verdict.cost_sentence import is_told

VERDICT, COST = "metrics/verdict.json", "metrics/machine/cost.json"
FILES = (*run_values.PARAMS, VERDICT, COST)
WINNERS = {"tuned": "tuned wins", "rag": "rag wins", "undecided": "undecided"}
WIDTH = 120


@dataclass(frozen=True)
class Entry:
    """A run, in phrases."""

    revision: Revision
    verdict: str
    accuracies: dict[str, str]  # by arm, with the interval where there is one
    cost: str
    params: str  # those that changed


def entries() -> list[Entry]:
    """Return all runs, the newest commit first, each followed by the experiments that were run on it.

    Raises UserError outside a repository of git and DVC.
    """
    commits, experiments = git.commits_of(VERDICT), git.experiments()
    experiments.sort(key=lambda experiment: experiment.before or "")
    revisions = [*commits, *experiments]
    shas = {sha for revision in revisions for sha in (revision.sha, revision.before) if sha}
    texts = git.read_files((sha, path) for sha in shas for path in FILES)
    params = {
        sha: run_values.params({path: texts[sha, path] for path in run_values.PARAMS if (sha, path) in texts})
        for sha in shas
    }
    order = {commit.sha: index for index, commit in enumerate(commits)}
    revisions.sort(key=lambda r: (order.get(r.sha, order.get(r.before, -1)), r.sha not in order))
    return [_entry(revision, texts, params, is_experiment=revision.sha not in order) for revision in revisions]


def _entry(
    revision: Revision, texts: dict[File, str], params: dict[str, run_values.Flat], is_experiment: bool
) -> Entry:
    """Return the entry of a run; an experiment that ended before the verdict shows the scores that it changed."""
    sha, before = revision.sha, revision.before
    changes = run_values.changes_between(params[before], params[sha]) if before else []
    changed = run_values.brief(changes) if before else "the first run"
    if is_experiment and texts.get((sha, VERDICT)) == texts.get((before, VERDICT)):
        return Entry(revision, "no verdict", _changed_scores(revision), "", changed)
    verdict, costs = (json.loads(texts.get((sha, path), "{}")) for path in (VERDICT, COST))
    values = run_values.intervals(verdict)
    phrase = WINNERS.get(verdict.get("verdict"), "no verdict")
    if "tuned_minus_rag" in values:
        phrase += f", tuned - rag {values['tuned_minus_rag']}"
    accuracies = {arm: values[f"accuracy_{arm}"] for arm in compared_arms(verdict)}
    return Entry(revision, phrase, accuracies, cost(costs, verdict), changed)


def _changed_scores(experiment: Revision) -> dict[str, str]:
    """Return the exact-match score by arm, of the arms whose scores differ from the experiment's baseline."""
    paths = [path for path in git.list_files(experiment.sha, "metrics") if path.startswith("metrics/score/")]
    texts = git.read_files((sha, path) for sha in (experiment.sha, experiment.before) for path in paths)
    changed = [path for path in paths if texts[experiment.sha, path] != texts.get((experiment.before, path))]
    scores = {Path(path).stem: json.loads(texts[experiment.sha, path]) for path in changed}
    return {arm: run_values.shown(score.get("exact")) for arm, score in scores.items()}


def cost(costs: Mapping[str, Value], verdict: Mapping[str, Value]) -> str:
    """Return the costs of metrics/machine/cost.json in a phrase; `verdict`: metrics/verdict.json."""
    labels = {"upfront_tuned": "upfront", "per_1000_tuned": "1,000 by tuned", "per_1000_rag": "1,000 by rag"}
    phrases = [f"{label} {dollars(costs[key])}" for key, label in labels.items() if costs.get(key) is not None]
    lo, hi = (costs.get(f"break_even_questions_{end}") for end in ("lo", "hi"))
    if lo is not None and is_told(verdict):
        phrases.append(f"break-even after {lo:,} to {hi:,} questions")
    return ", ".join(phrases)


def to_text(entries: list[Entry]) -> str:
    """Return the runs for a terminal, WIDTH characters wide."""
    blocks = []
    for entry in entries:
        arms = ", ".join(f"{arm} {value}" for arm, value in entry.accuracies.items())
        head = f"{entry.revision.name}  {entry.revision.date}  {entry.verdict}"
        phrases = [entry.revision.subject, arms, entry.cost, f"params: {entry.params or 'no change'}"]
        wrapped = [line for phrase in phrases if phrase for line in textwrap.wrap(phrase, WIDTH, **_INDENT)]
        blocks.append("\n".join([*textwrap.wrap(head, WIDTH), *wrapped]))
    return "\n\n".join(blocks)


_INDENT = {"initial_indent": "    ", "subsequent_indent": "      ", "break_on_hyphens": False}


def to_markdown(entries: list[Entry]) -> str:
    """Return the runs as a table of Markdown."""
    arms = sorted({arm for entry in entries for arm in entry.accuracies})
    head = ("run", "date", "commit", "verdict", *arms, "cost", "changed params")
    rows = [
        [
            markdown.code_span(cell, 400)
            for cell in (
                entry.revision.name, entry.revision.date, entry.revision.subject, entry.verdict,
                *(entry.accuracies.get(arm, "") for arm in arms), entry.cost, entry.params,
            )
        ]
        for entry in entries
    ]  # fmt: skip
    return markdown.table(head, rows)


def main(*, md: bool = False) -> None:
    """Print the runs."""
    runs = entries()
    if not runs:
        raise UserError(f"no commit has {VERDICT} yet: commit a run")
    print(to_markdown(runs) if md else to_text(runs))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is closed early is no error
    run(main)
