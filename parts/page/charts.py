"""Draw the page's charts as SVG, by Vega-Altair: nothing in them moves, loads or needs a script.

Colours are the page's CSS variables and its text colour, so one drawing serves light and dark.
"""

import io

import polars as pl

from parts.project.arms import load_arms

WIDTH = 460  # pixels, labels and legend included
STEPS = ("embed", "search", "rerank", "prefill", "decode")
COLOURS = 8  # of arms, in page.css; a ninth arm has the first one's
RECIPES = 6  # lines that can be told apart by colour

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
    """Return `chart` as an SVG element WIDTH wide."""
    drawn, held = chart.properties(width=WIDTH, height=height, background="transparent", config=_CONFIG), io.StringIO()
    drawn.properties(autosize={"type": "fit", "contains": "padding"}).save(held, format="svg")
    return held.getvalue()


def arm_colours() -> dict[str, int]:
    """Return the number of each arm's colour in page.css."""
    return {arm: at % COLOURS + 1 for at, arm in enumerate(load_arms())}


def _arms(**options):
    """Return the colour of each arm."""
    import altair as alt

    colours = arm_colours()
    return alt.Color("arm:N", sort=None, **options).scale(
        domain=list(colours), range=[f"var(--arm-{number})" for number in colours.values()]
    )


def intervals(rows: list[dict], title: str) -> str:
    """Draw a figure of each arm with its interval; `rows`: arm, name, value, lo, hi. Zero is marked where it is inside."""
    import altair as alt

    zero = any(row["lo"] < 0 for row in rows)
    scale = alt.Scale() if zero else alt.Scale(domain=[0, 1])
    y, drawn = alt.Y("name:N", sort=None, title=None).axis(grid=False), alt.Chart(pl.DataFrame(rows))
    x = alt.X("value:Q", title=title, scale=scale).axis(format="+.2f" if zero else ".1f", tickCount=6)
    bar = drawn.mark_rule(strokeWidth=3, opacity=0.55).encode(
        alt.X("lo:Q", scale=scale, title=title), y, _arms(legend=None), x2="hi:Q"
    )
    point = drawn.mark_point(filled=True, size=110, opacity=1).encode(x, y, _arms(legend=None))
    label = drawn.mark_text(align="center", dy=-13).encode(x, y, alt.Text("value:Q", format="+.3f" if zero else ".3f"))
    nought = alt.Chart(pl.DataFrame({"at": [0.0]})).mark_rule(strokeDash=[4, 3]).encode(x="at:Q")
    return svg(alt.layer(*([nought] if zero else []), bar, point, label), 46 * len(rows) + 50)


def costs(rows: list[dict], crossing: dict | None) -> str:
    """Draw dollars against questions, a line an arm; `rows`: arm, questions, dollars. `crossing`: questions, dollars."""
    import altair as alt

    table = pl.DataFrame(rows)
    x = alt.X("questions:Q", title="questions answered", scale=_spread(table["questions"])).axis(
        format="~s", tickCount=5
    )
    y = alt.Y("dollars:Q", title="dollars in all", scale=_spread(table["dollars"])).axis(format="~g", tickCount=5)
    layers = [alt.Chart(table).mark_line(strokeWidth=2.5).encode(x, y, _arms(legend=alt.Legend()))]
    if crossing:
        here = alt.Chart(pl.DataFrame([crossing])).encode(x)
        far = crossing["questions"] > table["questions"].max() / 2
        side = {"align": "right", "dx": -7} if far else {"align": "left", "dx": 7}
        layers += [
            here.mark_rule(strokeDash=[4, 3]),
            here.mark_point(size=90, strokeWidth=2, color="currentColor", opacity=1).encode(y=y),
            here.mark_text(baseline="top", **side).encode(
                y=alt.value(2), text=alt.value(f"break-even {crossing['questions']:,.0f}")
            ),
        ]
    return svg(alt.layer(*layers), 320)


def _spread(values: pl.Series):
    """Return a logarithmic scale for what spans more than two decades, else a linear one."""
    import altair as alt

    wide = values.min() > 0 and values.max() > 100 * values.min()
    return alt.Scale(type="log", nice=False) if wide else alt.Scale()


def latencies(rows: list[dict], totals: list[dict]) -> str:
    """Draw milliseconds by arm, split into those of STEPS that some arm takes.

    `rows`: arm, step, order (of the step, from 0), ms; `totals`: arm, at (where its label stands), ms.
    """
    import altair as alt

    y = alt.Y("arm:N", sort=None, title=None).axis(grid=False)
    taken = {row["step"]: f"var(--step-{row['order'] + 1})" for row in rows if row["ms"]}
    taken = {step: taken[step] for step in STEPS if step in taken}
    step = alt.Color("step:N", sort=None).scale(domain=list(taken), range=list(taken.values()))
    most = max(row["at"] for row in totals) * 1.15 or 1
    bars = (
        alt.Chart(pl.DataFrame([row for row in rows if row["step"] in taken]))
        .mark_bar(height=20, stroke="var(--ground)", strokeWidth=1)
        .encode(
            alt.X("ms:Q", title="milliseconds, median").scale(domain=[0, most]).axis(tickCount=5),
            y, step.legend(symbolStrokeWidth=0), alt.Order("order:Q"),
        )
    )  # fmt: skip
    label = alt.Chart(pl.DataFrame(totals)).mark_text(align="left", dx=6)
    return svg(bars + label.encode(alt.X("at:Q"), y, alt.Text("ms:Q", format=",.0f")), 280)


def scaling(rows: list[dict], looked_up: float) -> str:
    """Draw accuracy against synthetic tokens, a line a recipe; `rows`: recipe, tokens, accuracy, least, most."""
    import altair as alt

    table = pl.DataFrame(rows)
    recipes = table["recipe"].unique(maintain_order=True).to_list()
    colour = alt.Color("recipe:N", sort=None, legend=alt.Legend(symbolOpacity=1)).scale(
        domain=recipes, range=[f"var(--recipe-{at % RECIPES + 1})" for at, _ in enumerate(recipes)]
    )
    x = alt.X("tokens:Q", title="synthetic tokens studied").scale(type="log", base=2, nice=False).axis(
        values=table["tokens"].unique().sort().to_list(), format="~s"
    )  # fmt: skip
    drawn = alt.Chart(table)
    spread = drawn.mark_rule(opacity=0.5).encode(x, alt.Y("least:Q", title="accuracy"), colour, y2="most:Q")
    line = drawn.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=50)).encode(x, alt.Y("accuracy:Q"), colour)
    level = alt.Chart(pl.DataFrame({"rag": [looked_up]})).encode(alt.Y("rag:Q"))
    label = level.mark_text(align="left", dy=-8, text="looking it up (rag)").encode(x=alt.value(4))
    return svg(spread + line + level.mark_rule(strokeDash=[4, 3]) + label, 320)
