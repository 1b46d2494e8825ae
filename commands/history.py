"""List the runs that are kept in git, newest first: params that changed, verdict, accuracies and costs.

python -m commands.history [--md]

A run is a commit that changed metrics/verdict.json, or a DVC experiment. A commit is held against the run before it, an
experiment against the commit it was run on.
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
from parts.verdict.comparison import compared_arms

VERDICT, COST = "metrics/verdict.json", "metrics/cost.json"
FILES = (*run_values.PARAMS, VERDICT, COST)
SAID = {"tuned": "tuned wins", "rag": "rag wins", "undecided": "undecided"}
WIDTH = 120


@dataclass(frozen=True)
class Entry:
    """What is told of a run."""

    revision: Revision
    verdict: str
    accuracies: dict[str, str]  # by arm, with the interval where there is one
    cost: str
    params: str  # those that changed


def entries() -> list[Entry]:
    """Return all runs, the newest commit first, each followed by the experiments that were run on it. Raises Mistake."""
    commits = git.commits_of(VERDICT)
    tried = sorted(git.experiments(), key=lambda one: one.before or "")
    shas = {sha for one in [*commits, *tried] for sha in (one.sha, one.before) if sha}
    texts = git.read_files((sha, path) for sha in shas for path in FILES)
    params = {
        sha: run_values.params({path: texts[sha, path] for path in run_values.PARAMS if (sha, path) in texts})
        for sha in shas
    }
    order = {one.sha: at for at, one in enumerate(commits)}
    runs = sorted(
        [*commits, *tried], key=lambda one: (order.get(one.sha, order.get(one.before, -1)), one.sha not in order)
    )
    return [_entry(one, texts, params, is_experiment=one.sha not in order) for one in runs]


def _entry(one: Revision, texts: dict[File, str], params: dict[str, run_values.Flat], is_experiment: bool) -> Entry:
    """Return what is told of a run; an experiment that went no further than the scores has no verdict of its own."""
    known = {path: json.loads(texts[one.sha, path]) for path in FILES[2:] if (one.sha, path) in texts}
    verdict, costs = known.get(VERDICT, {}), known.get(COST, {})
    if is_experiment and texts.get((one.sha, VERDICT)) == texts.get((one.before, VERDICT)):
        return Entry(
            one, "no verdict", _fresh_scores(one), "",
            run_values.brief(run_values.changes_between(params[one.before], params[one.sha])),
        )  # fmt: skip
    told = run_values.intervals(verdict)
    said = SAID.get(verdict.get("verdict"), "no verdict")
    return Entry(
        one,
        f"{said}, tuned - rag {told['tuned_minus_rag']}" if "tuned_minus_rag" in told else said,
        {arm: told[f"accuracy_{arm}"] for arm in compared_arms(verdict)},
        cost(costs),
        run_values.brief(run_values.changes_between(params[one.before], params[one.sha]))
        if one.before
        else "the first run",
    )


def _fresh_scores(experiment: Revision) -> dict[str, str]:
    """Return the share of exact answers by arm, of the arms that an experiment scored otherwise than its baseline."""
    paths = [path for path in git.list_files(experiment.sha, "metrics") if path.startswith("metrics/score/")]
    texts = git.read_files((sha, path) for sha in (experiment.sha, experiment.before) for path in paths)
    changed = [path for path in paths if texts[experiment.sha, path] != texts.get((experiment.before, path))]
    scores = {Path(path).stem: json.loads(texts[experiment.sha, path]) for path in changed}
    return {arm: run_values.shown(score.get("exact")) for arm, score in scores.items()}


def cost(costs: Mapping[str, Value]) -> str:
    """Return in a phrase what a run's arms cost, from metrics/cost.json."""
    labels = {"upfront_tuned": "upfront", "per_1000_tuned": "1,000 by tuned", "per_1000_rag": "1,000 by rag"}
    phrases = [f"{label} ${costs[key]:.4f}" for key, label in labels.items() if costs.get(key) is not None]
    even = costs.get("break_even_questions")
    return ", ".join([*phrases, f"break-even after {even:,.0f} questions"] if even is not None else phrases)


def to_text(found: list[Entry]) -> str:
    """Return the runs for a terminal of WIDTH."""
    blocks = []
    for one in found:
        arms = ", ".join(f"{arm} {value}" for arm, value in one.accuracies.items())
        head = f"{one.revision.name}  {one.revision.date}  {one.verdict}"
        rest = [one.revision.subject, arms, one.cost, f"params: {one.params or 'the same'}"]
        wrapped = [line for said in rest if said for line in textwrap.wrap(said, WIDTH, **_INDENT)]
        blocks.append("\n".join([*textwrap.wrap(head, WIDTH), *wrapped]))
    return "\n\n".join(blocks)


_INDENT = {"initial_indent": "    ", "subsequent_indent": "      ", "break_on_hyphens": False}


def to_markdown(found: list[Entry]) -> str:
    """Return the runs as a table of Markdown."""
    arms = sorted({arm for one in found for arm in one.accuracies})
    head = ("run", "date", "what", "verdict", *arms, "cost", "params that changed")
    rows = [
        [
            markdown.code_span(cell, 400)
            for cell in (
                one.revision.name, one.revision.date, one.revision.subject, one.verdict,
                *(one.accuracies.get(arm, "") for arm in arms), one.cost, one.params,
            )
        ]
        for one in found
    ]  # fmt: skip
    return markdown.table(head, rows)


def main(*, md: bool = False) -> None:
    """Print the runs."""
    found = entries()
    if not found:
        raise UserError(f"no commit has {VERDICT} yet: commit a run")
    print(to_markdown(found) if md else to_text(found))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever closes the pager has seen enough
    run(main)
