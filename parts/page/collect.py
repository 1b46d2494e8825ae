"""Collect the page's figures from metrics/ and plots/, in the order in which they are shown."""

import json
from functools import partial
from pathlib import Path

import polars as pl

from parts.page import figures, first_screen, tables
from parts.page.figures import Figure
from parts.project import machine, metrics
from parts.project.arms import load_arms
from parts.verdict.cost_sentence import costs

CURVE = Path("metrics/machine/plots/cost.json")


def scores() -> dict[str, dict]:
    """Return metrics/score/ARM.json, by arm."""
    return {arm: metrics.read(f"score/{arm}") for arm in load_arms()}


def latencies() -> dict[str, dict]:
    """Return the values of metrics/machine/latency.json, by arm; none where answers were not timed here."""
    return metrics.by_arm(machine.read("latency"), load_arms())


def first_lines(questions: pl.DataFrame) -> list[first_screen.Line]:
    """Return the lines of the first table; `questions`: Questions."""
    unanswerable = questions.filter(~pl.col("answerable"))["kind"].unique().to_list()
    return first_screen.lines(metrics.read("verdict"), metrics.read("kinds"), unanswerable)


def omissions() -> list[first_screen.Omission]:
    """Return what became of the files in the folder and of the answers."""
    stopped = {arm: metrics.read(f"answer/{arm}")["stopped"] for arm in load_arms()}
    return first_screen.omissions(metrics.read("ingest"), stopped)


def run_figures(cascade: Figure | None = None) -> list[Figure]:
    """Return the charts of the run; `cascade` is one of its answers."""
    verdict, curve = metrics.read("verdict"), json.loads(CURVE.read_text())
    optional = [
        figures.accuracy(verdict), figures.gaps(verdict), figures.cost(costs(), curve, verdict),
        figures.latency(latencies()), cascade,
    ]  # fmt: skip
    return [figure for figure in optional if figure]


def group_figures() -> list[Figure]:
    """Return accuracy by group of questions, hallucination rates, and agreement of the judge."""
    kinds = tables.by_group(
        metrics.read("kinds"), "kinds", "By kind of question", "Accuracy by kind of question, as the exam names them."
    )
    caption = "Accuracy by whether the student was fine-tuned on every document that a question rests on."
    studied = tables.by_group(metrics.read("studied"), "studied", "By documents trained on", caption)
    judge = tables.judge_agreement(metrics.read("judge_agreement"))
    return [figure for figure in (kinds, studied, tables.hallucination(scores()), judge) if figure]


def experiment_figures() -> list[Figure]:
    """Return the figures of the experiments that have been run: scaling, other companies, leakage, variants."""
    makers = {"scaling": figures.scaling, "seeds": tables.seeds, "leak": tables.leak}
    makers |= {name: partial(tables.variants, name) for name in ("mixture", "ablations", "search")}
    return [make(values) for name, make in makers.items() if (values := _optional(name))]


def _optional(name: str) -> dict | None:
    """Return metrics/`name`.json; None where it was not measured."""
    return metrics.read(name) if Path("metrics", f"{name}.json").exists() else None
