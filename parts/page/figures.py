"""The page's charts, each with a caption, and with its numbers as a table for who cannot see it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from parts.page import charts
from parts.project.arms import load_arms
from parts.text.numbers import Show, dollars, number, signed
from parts.verdict import cost_sentence
from parts.verdict.comparison import contenders

Rows = list[tuple[str, ...]]


class Figure(NamedTuple):
    """A figure: its numbers as a table, and a chart of them, as SVG, where there is one."""

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: Rows
    svg: str = ""


def accuracy(verdict: Mapping) -> Figure:
    """Return the arms' accuracies with their intervals."""
    rows = _intervals(verdict, {arm: f"accuracy_{arm}" for arm in load_arms()})
    caption = "Share of questions answered correctly, with the 95% interval."
    if rows:
        best = max(rows, key=lambda row: row["value"])
        caption += f" Highest: {best['name']}, {best['value']:.3f}."
    svg = charts.intervals(rows, "accuracy", charts.SHARES) if rows else ""
    return Figure("accuracy", "Accuracy by arm", caption, ("arm", "accuracy", "from", "to"), _numbers(rows), svg)


def gaps(verdict: Mapping) -> Figure:
    """Return each arm's difference in accuracy to rag, over the same questions."""
    rows = _intervals(verdict, {arm: f"{arm}_minus_rag" for arm in contenders(load_arms())})
    caption = (
        "Accuracy minus rag's over the same questions, with the 95% interval, all kinds of questions together. "
        "Where the interval holds 0, no difference was seen."
    )
    svg = charts.intervals(rows, "accuracy minus rag's", charts.DIFFERENCES) if rows else ""
    columns = ("arm", "difference", "from", "to")
    return Figure("gaps", "Difference from RAG", caption, columns, _numbers(rows, signed), svg)


def cost(costs: Mapping, curve: list[dict], verdict: Mapping) -> Figure:
    """Return total cost against the number of questions, with the break-even of tuned and rag where it is worth telling.

    `costs`: what cost_sentence.costs returns; `curve`: arm, questions, dollars; `verdict`: metrics/verdict.json.
    """
    even, is_told = costs.get("break_even_questions"), cost_sentence.is_told(verdict)
    crossing = None
    if is_told and even and even <= max(row["questions"] for row in curve):
        crossing = {"questions": even, "dollars": costs["upfront_rag"] + costs["per_1000_rag"] * even / 1000}
    caption = "What an arm costs in all, by the questions asked" + (
        f": {cost_sentence.payback(costs)}." if is_told else "."
    )
    keys = {"upfront": "$ before the first question", "per_1000": "$ per 1,000 questions"}
    keys |= {"monthly": "$ a month, for changes"} if "monthly_change" in costs else {}
    rows = [(arm, *(dollars(costs.get(f"{key}_{arm}")) for key in keys)) for arm in load_arms()]
    svg = charts.costs(curve, crossing) if curve else ""
    return Figure("cost", "Total cost", caption, ("arm", *keys.values()), rows, svg)


def latency(latencies: Mapping[str, Mapping]) -> Figure | None:
    """Return each arm's milliseconds by step; None where the steps were not measured."""
    if not all(f"{step}_p50_ms" in values for values in latencies.values() for step in charts.STEPS):
        return None
    split = {arm: [values[f"{step}_p50_ms"] for step in charts.STEPS] for arm, values in latencies.items()}
    totals = [{"arm": arm, "position": sum(split[arm]), "ms": values["p50_ms"]} for arm, values in latencies.items()]
    caption = (
        "Median milliseconds of each step, for one question at a time; the number is the median of the total, "
        "which the medians of the steps need not add up to."
    )
    rows = [
        (arm, *(f"{ms:,.1f}" for ms in split[arm]), *(f"{values[key]:,.0f}" for key in ("p50_ms", "p95_ms")))
        for arm, values in latencies.items()
    ]
    svg = charts.latencies(steps(latencies), totals)
    return Figure("latency", "Latency", caption, ("arm", *charts.STEPS, "total, p50", "total, p95"), rows, svg)


def steps(latencies: Mapping[str, Mapping]) -> list[dict]:
    """Return one row an arm and measured step: arm, step, order (of the step, from 0), ms (median)."""
    return [
        {"arm": arm, "step": step, "order": order, "ms": values[f"{step}_p50_ms"]}
        for arm, values in latencies.items()
        for order, step in enumerate(charts.STEPS)
        if f"{step}_p50_ms" in values
    ]


def scaling(values: Mapping) -> Figure:
    """Return accuracy against synthetic tokens, by recipe; `values`: metrics/scaling.json."""
    rows = [
        {"recipe": name, "tokens": tokens, "accuracy": accuracy, "least": least, "most": most}
        for name, recipe in values.items()
        if isinstance(recipe, Mapping)
        for tokens, accuracy, least, most in zip(
            *(recipe[key] for key in ("tokens", "accuracies", "least", "most")), strict=True
        )
    ]
    caption = (
        f"Mean accuracy of the fine-tuned student, closed book, on {len(values['companies'])} companies, by synthetic "
        "tokens; bars are the range. The dashed line is rag."
    )
    keys = ("accuracy", "least", "most")
    table = [(row["recipe"], f"{row['tokens']:,}", *(f"{row[key]:.3f}" for key in keys)) for row in rows]
    svg = charts.scaling(rows, values["rag_accuracy"])
    return Figure("scaling", "Scaling", caption, ("recipe", "tokens", "accuracy", "least", "most"), table, svg)


def _intervals(verdict: Mapping, keys: Mapping[str, str]) -> list[dict]:
    """Return the rows of charts.intervals for `keys` of metrics/verdict.json, by arm; an arm without a figure has none."""
    return [
        {"arm": arm, "name": arm, "value": verdict[key], "lo": verdict[f"{key}_lo"], "hi": verdict[f"{key}_hi"]}
        for arm, key in keys.items()
        if verdict.get(key) is not None
    ]


def _numbers(rows: Iterable[Mapping], show: Show = number) -> Rows:
    return [(row["name"], *(show(row[key]) for key in ("value", "lo", "hi"))) for row in rows]
