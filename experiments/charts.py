"""Draw the experiments' figures as SVG, by Vega-Altair."""

from pathlib import Path

import polars as pl

from parts.project.files import replacing


def scaling(points: pl.DataFrame, rag: float, path: Path) -> None:
    """Draw accuracy against synthetic tokens, a line for each recipe and a rule for the accuracy of `rag`, into `path`.

    `points` has a row per recipe, size and company: recipe, tokens, accuracy. Lines are means, bars the range.
    """
    import altair as alt

    tokens = alt.X("tokens:Q", title="synthetic tokens").scale(type="log", base=2, nice=False).axis(
        values=points["tokens"].unique().sort().to_list(), format="~s"
    )  # fmt: skip
    recipe = alt.Color("recipe:N", title=None, sort=points["recipe"].unique(maintain_order=True).to_list())
    base = alt.Chart(points)
    mean = base.mark_line(point=True).encode(tokens, alt.Y("mean(accuracy):Q", title="accuracy"), recipe)
    spread = base.mark_rule(strokeWidth=0.7).encode(tokens, alt.Y("min(accuracy):Q"), alt.Y2("max(accuracy):Q"), recipe)
    line = alt.Chart(pl.DataFrame({"rag": [rag]})).encode(alt.Y("rag:Q"))
    label = line.mark_text(align="left", dy=-6, text="retrieval (rag)").encode(x=alt.value(4))
    chart = (spread + mean + line.mark_rule(strokeDash=[4, 4]) + label).properties(width=520, height=300)
    with replacing(path) as partial:
        chart.save(partial, format="svg")
