"""The page's charts, each with its words and with its numbers as a table, its text alternative."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from parts.page import charts
from parts.project.arms import load_arms
from parts.project.numbers import Show, number, signed
from parts.verdict.comparison import contenders

Rows = list[tuple[str, ...]]


class Figure(NamedTuple):
    """A figure: its numbers as a table, and a chart of them, as SVG, where there is one."""

    name: str
    title: str
    says: str
    columns: tuple[str, ...]
    rows: Rows
    svg: str = ""


def accuracy(verdict: Mapping) -> Figure:
    """Return the arms' accuracies with their intervals."""
    found = [_interval(verdict, arm, f"accuracy_{arm}") for arm in load_arms()]
    best = max(found, key=lambda row: row["value"])
    says = f"Share of questions answered right, with the 95% interval. Highest: {best['name']}, {best['value']:.3f}."
    drawn = charts.intervals(found, "accuracy")
    return Figure("accuracy", "Accuracy by arm", says, ("arm", "accuracy", "from", "to"), _numbers(found), drawn)


def gaps(verdict: Mapping) -> Figure:
    """Return what studying adds to looking it up, over the same questions."""
    found = [_interval(verdict, arm, f"{arm}_minus_rag", f"{arm} - rag") for arm in contenders(load_arms())]
    says = (
        "Difference in accuracy over the same questions, with the bootstrap 95% interval. "
        "An interval that does not cross zero decides."
    )
    drawn = charts.intervals(found, "accuracy minus rag's")
    columns = ("arms", "difference", "from", "to")
    return Figure("gaps", "Against looking it up", says, columns, _numbers(found, signed), drawn)


def cost(cost: Mapping, curve: list[dict]) -> Figure:
    """Return what answering costs in all against the number of questions, with the crossing of tuned and rag."""
    even, changing = cost["break_even_questions"], cost.get("break_even_questions_monthly")
    crossing = None
    if even and even <= max(row["questions"] for row in curve):
        crossing = {"questions": even, "dollars": cost["upfront_rag"] + cost["per_1000_rag"] * even / 1000}
    says = "At these prices the student that has studied never comes to cost less than looking it up."
    if even is not None:
        says = f"The student that has studied costs less than looking it up from {even:,} questions on"
        of = "{monthly_change:.0%} of the documents changing every month, over {months} months"
        says += f"; from {changing:,} a month on with {of.format_map(cost)}." if changing else "."
    keys = {"upfront": "$ before the first question", "per_1000": "$ per 1,000 questions"}
    keys |= {"monthly": "$ a month, for changes"} if "monthly_change" in cost else {}
    rows = [(arm, *(_dollars(cost.get(f"{key}_{arm}")) for key in keys)) for arm in load_arms()]
    return Figure("cost", "Cost in all", says, ("arm", *keys.values()), rows, charts.costs(curve, crossing))


def latency(clocks: Mapping[str, Mapping]) -> Figure | None:
    """Return where an arm's milliseconds go; None for clocks that tell no steps."""
    if not all(f"{step}_p50_ms" in clock for clock in clocks.values() for step in charts.STEPS):
        return None
    split = {arm: [clock[f"{step}_p50_ms"] for step in charts.STEPS] for arm, clock in clocks.items()}
    totals = [{"arm": arm, "at": sum(split[arm]), "ms": clock["p50_ms"]} for arm, clock in clocks.items()]
    says = (
        "Median milliseconds of each step of one question, asked alone; the number is the median of the whole, "
        "which the steps' medians need not add up to."
    )
    rows = [
        (arm, *(f"{ms:,.1f}" for ms in split[arm]), *(f"{clocks[arm][key]:,.0f}" for key in ("p50_ms", "p95_ms")))
        for arm in clocks
    ]
    drawn = charts.latencies(steps(clocks), totals)
    return Figure("latency", "Latency", says, ("arm", *charts.STEPS, "all, p50", "all, p95"), rows, drawn)


def steps(clocks: Mapping[str, Mapping]) -> list[dict]:
    """Return one row an arm and step: arm, step, ms (median); no row for a step that the clock does not tell."""
    return [
        {"arm": arm, "step": step, "order": at, "ms": clock[f"{step}_p50_ms"]}
        for arm, clock in clocks.items()
        for at, step in enumerate(charts.STEPS)
        if f"{step}_p50_ms" in clock
    ]


def scaling(found: Mapping) -> Figure:
    """Return accuracy against synthetic tokens, by recipe."""
    rows = [
        {"recipe": recipe, "tokens": tokens, "accuracy": hit, "least": least, "most": most}
        for recipe, known in found.items()
        if isinstance(known, Mapping)
        for tokens, hit, least, most in zip(*(known[k] for k in ("tokens", "accuracies", "least", "most")), strict=True)
    ]
    says = (
        f"Measured on {len(found['companies'])} other companies, not on these documents: mean accuracy of the student that "
        "has studied so much; bars are the range."
    )
    shares = ("accuracy", "least", "most")
    table = [(row["recipe"], f"{row['tokens']:,}", *(f"{row[key]:.3f}" for key in shares)) for row in rows]
    drawn = charts.scaling(rows, found["rag_accuracy"])
    return Figure("scaling", "More study", says, ("recipe", "tokens", "accuracy", "least", "most"), table, drawn)


def _interval(verdict: Mapping, arm: str, key: str, name: str = "") -> dict:
    of = {"value": verdict[key], "lo": verdict[f"{key}_lo"], "hi": verdict[f"{key}_hi"]}
    return {"arm": arm, "name": name or arm} | of


def _numbers(rows: Iterable[Mapping], show: Show = number) -> Rows:
    return [(row["name"], *(show(row[key]) for key in ("value", "lo", "hi"))) for row in rows]


def _dollars(value: float | None) -> str:
    return "no price" if value is None else f"{value:,.4f}"
