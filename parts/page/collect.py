"""Gather the page's figures from metrics/ and plots/, in the order in which they are read."""

import json
from functools import partial
from pathlib import Path

from parts.page import figures, tables
from parts.page.figures import Figure
from parts.project import metrics
from parts.project.arms import load_arms

CURVE = Path("plots/cost.json")


def scores() -> dict[str, dict]:
    """Return metrics/score/ARM.json, by arm."""
    return {arm: metrics.read(f"score/{arm}") for arm in load_arms()}


def latencies() -> dict[str, dict]:
    """Return the figures of metrics/latency.json, by arm."""
    return metrics.by_arm(metrics.read("latency"), load_arms())


def run_figures() -> list[Figure]:
    """Return the charts of the run."""
    verdict, costs = metrics.read("verdict"), metrics.read("cost")
    found = [
        figures.accuracy(verdict), figures.gaps(verdict), figures.cost(costs, json.loads(CURVE.read_text())),
        figures.latency(latencies()),
    ]  # fmt: skip
    return [figure for figure in found if figure]


def group_figures() -> list[Figure]:
    """Return accuracy by group of questions, what is made up, and whether the judge can be trusted."""
    kinds = tables.by_group(
        metrics.read("kinds"), "kinds", "By kind of question", "Accuracy by what a question asks for."
    )
    says = "Accuracy by whether every document that a question rests on was trained on."
    studied = tables.by_group(metrics.read("studied"), "studied", "Trained on or not", says)
    judge = tables.judge_agreement(metrics.read("judge_agreement"))
    return [figure for figure in (kinds, studied, tables.made_up(scores()), judge) if figure]


def experiment_figures() -> list[Figure]:
    """Return the figures of the experiments that have been run: scaling, other companies, leakage, variants."""
    draw = {"scaling": figures.scaling, "seeds": tables.seeds, "leak": tables.leak}
    draw |= {name: partial(tables.variants, name) for name in ("ablations", "search")}
    return [make(values) for name, make in draw.items() if (values := _optional(name))]


def _optional(name: str) -> dict | None:
    """Return metrics/`name`.json, or None where nobody measured it."""
    return metrics.read(name) if Path("metrics", f"{name}.json").exists() else None
