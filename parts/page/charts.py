"""Draw the page's charts as SVG, by Vega-Altair: nothing in them moves, loads or needs a script.

Colours are the page's CSS variables and its text colour, so one drawing serves light and dark.
"""

import io
from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from parts.project.arms import load_arms

WIDTH = 360  # pixels, labels and legend included: a phone shows them in their size
STEPS = ("embed", "search", "rerank", "prefill", "decode")
N_ARM_COLOURS = 8  # in page.css; a ninth arm has the first one's colour, and a dashed line
N_RECIPE_COLOURS = 6
PADDING = {"left": 12, "right": 6, "top": 2, "bottom": 2}  # a reader's font may be wider than the one that was measured

_CONFIG = {
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 13, "titleFontSize": 13,
        "titleFontWeight": "normal", "domain": False, "ticks": False, "labelPadding": 6, "titlePadding": 8,
        "gridColor": "var(--line)", "labelLimit": 120,
    },
    "axisY": {"grid": True}, "axisX": {"grid": True, "labelFlush": False},
    "legend": {
        "orient": "top", "title": None, "labelColor": "currentColor", "labelFontSize": 13, "symbolStrokeWidth": 3,
        "columnPadding": 12,
    },
    "text": {"color": "currentColor", "fontSize": 13},
    "rule": {"color": "currentColor"},
}  # fmt: skip


def svg(chart, height: int) -> str:
    """Return an Altair `chart` as an SVG element of WIDTH x `height` pixels."""
    chart = chart.properties(width=WIDTH, height=height, background="transparent", config=_CONFIG)
    buffer = io.StringIO()
    chart.properties(autosize={"type": "fit", "contains": "padding"}, padding=PADDING).save(buffer, format="svg")
    return buffer.getvalue()


def arm_colours() -> dict[str, int]:
    """Return the number of each arm's colour in page.css, from 1, in the order of params.yaml."""
    return {arm: index % N_ARM_COLOURS + 1 for index, arm in enumerate(load_arms())}


def _arm_colour(legend=None):
    """Return the encoding of arms by colour."""
    import altair as alt

    colours = arm_colours()
    return alt.Color("arm:N", sort=None, legend=legend).scale(
        domain=list(colours), range=[f"var(--arm-{number})" for number in colours.values()]
    )


def _arm_dash():
    """Return the encoding of arms by dash: solid for the first N_ARM_COLOURS arms."""
    import altair as alt

    arms = list(load_arms())
    dashes = [[1, 0] if index < N_ARM_COLOURS else [6, 4] for index in range(len(arms))]
    return alt.StrokeDash("arm:N", sort=None, legend=None).scale(domain=arms, range=dashes)


class Axis(NamedTuple):
    """How `intervals` shows its values."""

    tick: str  # format of d3
    value: str
    is_signed: bool  # around a line at zero


SHARES = Axis(".1f", ".3f", is_signed=False)
DIFFERENCES = Axis("+.2f", "+.3f", is_signed=True)


def intervals(rows: list[dict], title: str, axis: Axis) -> str:
    """Draw each arm's value with its interval. `rows`: arm, name, value, lo, hi."""
    import altair as alt

    low, high = _span(rows) if axis.is_signed else (0, 1)
    edge = (high - low) * 0.07  # half of a label
    for row in rows:
        row["label_at"] = min(max(row["value"], low + edge), high - edge)
    scale = alt.Scale(domain=[low, high], nice=False)
    y, chart = alt.Y("name:N", sort=None, title=None).axis(grid=False), alt.Chart(pl.DataFrame(rows))
    x = alt.X("value:Q", title=title, scale=scale).axis(
        labelExpr=f"datum.value == 0 ? '0' : format(datum.value, '{axis.tick}')", tickCount=5, labelOverlap="greedy"
    )
    bar = chart.mark_rule(strokeWidth=3, opacity=0.55).encode(
        alt.X("lo:Q", scale=scale, title=title), y, _arm_colour(), x2="hi:Q"
    )
    point = chart.mark_point(filled=True, size=110, opacity=1).encode(x, y, _arm_colour())
    label = chart.mark_text(align="center", dy=-14).encode(
        alt.X("label_at:Q", scale=scale, title=title), y, alt.Text("value:Q", format=axis.value)
    )
    zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(strokeDash=[4, 3]).encode(x="zero:Q")
    return svg(alt.layer(*([zero] if axis.is_signed else []), bar, point, label), 46 * len(rows) + 50)


def _span(rows: list[dict]) -> tuple[float, float]:
    """Return the ends of an axis that holds all intervals and zero, with room beside them."""
    low, high = min(0.0, *(row["lo"] for row in rows)), max(0.0, *(row["hi"] for row in rows))
    room = max(0.12 * (high - low), 0.02)
    return low - room, high + room


def costs(rows: list[dict], crossing: dict | None) -> str:
    """Draw dollars against questions, a line an arm; `rows`: arm, questions, dollars. `crossing`: questions, dollars."""
    import altair as alt

    table = pl.DataFrame(rows)
    x = alt.X("questions:Q", title="questions answered", scale=_scale(table["questions"])).axis(
        format="~s", tickCount=4, labelOverlap="greedy"
    )
    y = alt.Y("dollars:Q", title="total cost in dollars", scale=_scale(table["dollars"])).axis(format="~r", tickCount=5)
    colour = _arm_colour(alt.Legend(columns=_legend_columns(load_arms())))
    layers = [alt.Chart(table).mark_line(strokeWidth=2.5).encode(x, y, colour, _arm_dash())]
    if crossing:
        mark = alt.Chart(pl.DataFrame([crossing])).encode(x)
        is_right_half = crossing["questions"] > table["questions"].max() / 2
        side = {"align": "right", "dx": -7} if is_right_half else {"align": "left", "dx": 7}
        layers += [
            mark.mark_rule(strokeDash=[4, 3]),
            mark.mark_point(size=90, strokeWidth=2, color="currentColor", opacity=1).encode(y=y),
            mark.mark_text(baseline="top", **side).encode(
                y=alt.value(2), text=alt.value(f"break-even {crossing['questions']:,.0f}")
            ),
        ]
    return svg(alt.layer(*layers), 320)


def _legend_columns(names: Collection[str]) -> int:
    """Return the columns of a legend of `names`: all in one row where they fit WIDTH, else three."""
    pixels = sum(28 + 8 * len(name) for name in names)  # 28 of symbol and padding
    return len(names) if pixels < WIDTH - 80 else 3  # 80 of the axis


def _scale(values: pl.Series):
    """Return a logarithmic scale for values over more than two decades, else a linear one."""
    import altair as alt

    is_wide = values.min() > 0 and values.max() > 100 * values.min()
    return alt.Scale(type="log", nice=False) if is_wide else alt.Scale()


def latencies(rows: list[dict], totals: list[dict]) -> str:
    """Draw milliseconds by arm, split into those of STEPS that some arm takes.

    `rows`: arm, step, order (of the step, from 0), ms; `totals`: arm, position (ms at which its label stands), ms.
    """
    import altair as alt

    y = alt.Y("arm:N", sort=None, title=None).axis(grid=False)
    colours = {row["step"]: f"var(--step-{row['order'] + 1})" for row in rows if row["ms"]}
    colours = {step: colours[step] for step in STEPS if step in colours}
    colour = alt.Color("step:N", sort=None).scale(domain=list(colours), range=list(colours.values()))
    limit = max(row["position"] for row in totals) * 1.15 or 1
    bars = (
        alt.Chart(pl.DataFrame([row for row in rows if row["step"] in colours]))
        .mark_bar(height=20, stroke="var(--ground)", strokeWidth=1)
        .encode(
            alt.X("ms:Q", title="milliseconds, median").scale(domain=[0, limit]).axis(tickCount=4),
            y, colour.legend(symbolStrokeWidth=0, columns=_legend_columns(colours)), alt.Order("order:Q"),
        )
    )  # fmt: skip
    label = alt.Chart(pl.DataFrame(totals)).mark_text(align="left", dx=6)
    return svg(bars + label.encode(alt.X("position:Q"), y, alt.Text("ms:Q", format=",.0f")), 36 * len(totals) + 100)


def scaling(rows: list[dict], rag_accuracy: float) -> str:
    """Draw accuracy against synthetic tokens, a line a recipe; `rows`: recipe, tokens, accuracy, least, most."""
    import altair as alt

    table = pl.DataFrame(rows)
    recipes = table["recipe"].unique(maintain_order=True).to_list()
    legend = alt.Legend(symbolOpacity=1, columns=_legend_columns(recipes))
    colour = alt.Color("recipe:N", sort=None, legend=legend).scale(
        domain=recipes, range=[f"var(--recipe-{index % N_RECIPE_COLOURS + 1})" for index, _ in enumerate(recipes)]
    )
    x = alt.X("tokens:Q", title="synthetic tokens trained on").scale(type="log", base=2, nice=False).axis(
        values=table["tokens"].unique().sort().to_list(), format="~s", labelOverlap="greedy"
    )  # fmt: skip
    chart = alt.Chart(table)
    spread = chart.mark_rule(opacity=0.5).encode(x, alt.Y("least:Q", title="accuracy"), colour, y2="most:Q")
    line = chart.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=50)).encode(x, alt.Y("accuracy:Q"), colour)
    level = alt.Chart(pl.DataFrame({"rag": [rag_accuracy]})).encode(alt.Y("rag:Q"))
    label = level.mark_text(align="left", dy=11, text="rag").encode(x=alt.value(4))
    return svg(spread + line + level.mark_rule(strokeDash=[4, 3]) + label, 320)


def cascade(points: list[dict], chosen: dict, rag: float) -> str:
    """Draw accuracy against the share looked up, the `chosen` point, and rag's accuracy; points: share, accuracy."""
    import altair as alt

    x = alt.X("share:Q", title="share of the questions looked up", scale=alt.Scale(domain=[0, 1])).axis(
        format="%", tickCount=5
    )
    y = alt.Y("accuracy:Q", title="accuracy", scale=alt.Scale(zero=False)).axis(format=".2f", tickCount=5)
    line = alt.Chart(pl.DataFrame(points)).mark_line(strokeWidth=2.5, color="currentColor").encode(x, y)
    point = alt.Chart(pl.DataFrame([chosen])).mark_point(filled=True, size=110, color="currentColor", opacity=1)
    rule = alt.Chart(pl.DataFrame({"accuracy": [rag]})).mark_rule(strokeDash=[4, 3]).encode(y=y)
    return svg(alt.layer(rule, line, point.encode(x, y)), 240)
