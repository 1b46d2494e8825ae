"""Gather the page's figures from metrics/ and plots/, in the order in which they are read."""

import json
from pathlib import Path

from parts.page import figures, tables
from parts.page.figures import Figure
from parts.project import metrics
from parts.verdict import sentences

CURVE = Path("plots/cost.json")


def of_arms(what: str) -> dict[str, dict]:
    """Return metrics/`what`/ARM.json, by arm."""
    return {arm: metrics.read(f"{what}/{arm}") for arm in sentences.ARMS}


def run_figures() -> list[Figure]:
    """Return the charts of the run."""
    verdict, costs = metrics.read("verdict"), metrics.read("cost")
    found = [
        figures.accuracy(verdict), figures.gaps(verdict), figures.cost(costs, json.loads(CURVE.read_text())),
        figures.latency(of_arms("latency")),
    ]  # fmt: skip
    return [figure for figure in found if figure]


def group_figures() -> list[Figure]:
    """Return accuracy by group of questions, and what is made up."""
    says = "Accuracy by what a question asks for."
    found = [tables.by_group(metrics.read("kinds"), "kinds", "By kind of question", says)]
    if studied := _optional("studied"):
        says = "Accuracy by whether all that a question's answer takes was studied."
        found.append(tables.by_group(studied, "studied", "Studied or not", says))
    made_up = tables.made_up(of_arms("score"))
    return [*found, made_up] if made_up else found


def experiment_figures() -> list[Figure]:
    """Return what was measured beside the run, where it was: whether to trust the judge, leakage, other documents."""
    kinds = {"trust": tables.trust, "leak": tables.leak, "scaling": figures.scaling, "seeds": tables.seeds}
    return [draw(found) for name, draw in kinds.items() if (found := _optional(name))]


def _optional(name: str) -> dict | None:
    """Return metrics/`name`.json, or None where nobody measured it."""
    return metrics.read(name) if Path("metrics", f"{name}.json").exists() else None
