"""List the runs that are kept in git, newest first: params that changed, verdict, accuracies and costs.

python -m commands.history [--md]

A run is a commit that changed metrics/verdict.json, or a DVC experiment. A commit is held against the run before it, an
experiment against the commit it was run on.
"""

import json
import signal
import textwrap
from dataclasses import dataclass
from pathlib import Path

from commands import run_values
from parts.project import git, markdown
from parts.project.command import run
from parts.project.git import File, Revision
from parts.project.sections import ARMS
from schemas.errors import UserError

VERDICT, COST = "metrics/verdict.json", "metrics/cost.json"
SCORES = {arm: f"metrics/score/{arm}.json" for arm in ARMS}
FILES = (*run_values.PARAMS, VERDICT, COST, *SCORES.values())
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
        fresh = [arm for arm, path in SCORES.items() if texts.get((one.sha, path)) != texts.get((one.before, path))]
        return Entry(
            one, "no verdict", {arm: run_values.shown(known[SCORES[arm]].get("exact")) for arm in fresh}, "",
            run_values.brief(run_values.changes_between(params[one.before], params[one.sha])),
        )  # fmt: skip
    told = run_values.intervals(verdict)
    said = SAID.get(verdict.get("verdict"), "no verdict")
    return Entry(
        one,
        f"{said}, tuned - rag {told['tuned_minus_rag']}" if "tuned_minus_rag" in told else said,
        {arm: told[f"accuracy_{arm}"] for arm in ARMS if f"accuracy_{arm}" in told},
        cost(verdict | costs),
        run_values.brief(run_values.changes_between(params[one.before], params[one.sha]))
        if one.before
        else "the first run",
    )


def cost(found: dict) -> str:
    """Return what a run's arms cost. Until there was a metrics/cost.json, the verdict held it, under other names."""
    said = []
    for label, names in {
        "upfront": ("upfront_tuned", "cost_upfront_tuned"),
        "1,000 by tuned": ("per_1000_tuned", "cost_per_1000_tuned"),
        "1,000 by rag": ("per_1000_rag", "cost_per_1000_rag"),
    }.items():
        value = next((found[name] for name in names if found.get(name) is not None), None)
        said += [f"{label} ${value:.4f}"] if value is not None else []
    even = found.get("break_even_questions")
    return ", ".join([*said, f"even after {even:,.0f} questions"] if even is not None else said)


def figures() -> dict:
    """Return the verdict and the costs of the working tree."""
    return {
        name: value
        for path in (VERDICT, COST)
        if Path(path).exists()
        for name, value in json.loads(Path(path).read_text()).items()
    }


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
    head = ("run", "date", "what", "verdict", *ARMS, "cost", "params that changed")
    rows = [
        [
            markdown.code_span(cell, 400)
            for cell in (
                one.revision.name, one.revision.date, one.revision.subject, one.verdict,
                *(one.accuracies.get(arm, "") for arm in ARMS), one.cost, one.params,
            )
        ]
        for one in found
    ]  # fmt: skip
    return markdown.table(head, rows)


def main(form: str = "") -> None:
    """Print the runs."""
    if form not in ("", "--md"):
        raise UserError(f"unknown option {form!r}: --md writes Markdown")
    found = entries()
    if not found:
        raise UserError(f"no commit has {VERDICT} yet: commit a run")
    print(to_markdown(found) if form else to_text(found))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever closes the pager has seen enough
    run(main)
