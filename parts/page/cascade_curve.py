"""The cascade on the exam: accuracy by the share of the questions that is looked up."""

from collections.abc import Mapping

import polars as pl

from parts.answering.cascade import Outcome, curve
from parts.page import charts
from parts.page.figures import Figure
from parts.project.arms import Arm
from parts.scoring import correctness

SHOWN = 5
"""rows of the table: the shares looked up are evenly spread over 0 to 1"""

CAPTION = (
    "Accuracy on the exam where the answers of least confidence are looked up, by their share. The point is what the "
    "thresholds that were chosen on development questions come to; the dashed line is rag."
)

Tables = Mapping[str, pl.DataFrame]
"""by arm"""


def cascade_curve(
    arms: Mapping[str, Arm], answers: Tables, scores: Tables, questions: pl.DataFrame, verdict: Mapping, tuned: Mapping
) -> Figure | None:
    """Return the curve; None without a cascade, or without the two arms that it is made of.

    `answers`, `scores`: Answers and Scores; `tuned`: metrics/tune_cascade.json.
    """
    name = next((name for name, arm in arms.items() if arm.is_cascade), None)
    if not name:
        return None
    parts = _arm(arms, arms[name].model, "none"), _arm(arms, arms[name].look_up, arms[name].retriever)
    rows = _outcomes(parts, answers, scores, questions, str(verdict["scorer"])) if all(parts) else []
    if not rows:
        return None
    points = [{"share": share, "accuracy": accuracy} for share, accuracy in curve(rows, tuned["decline_below"])]
    chosen = {"share": (answers[name]["passages"] > 0).mean(), "accuracy": verdict[f"accuracy_{name}"]}
    evenly = [points[round(number * (len(points) - 1) / (SHOWN - 1))] for number in range(SHOWN)]
    table = [(f"{point['share']:.0%}", f"{point['accuracy']:.3f}") for point in evenly]
    table.append((f"chosen: {chosen['share']:.0%}", f"{chosen['accuracy']:.3f}"))
    svg = charts.cascade(points, chosen, verdict["accuracy_rag"])
    return Figure("cascade", "When to look it up", CAPTION, ("looked up", "accuracy"), table, svg)


def _arm(arms: Mapping[str, Arm], model: str, retriever: str) -> str | None:
    """Return the arm of `model` with `retriever`."""
    plain = (name for name, arm in arms.items() if arm.model == model and not arm.is_cascade)
    return next((name for name in plain if arms[name].retriever == retriever), None)


def _outcomes(
    parts: tuple[str, str], answers: Tables, scores: Tables, questions: pl.DataFrame, scorer: str
) -> list[Outcome]:
    """Return how the answers of the two arms in `parts`, closed book and with passages, turn out."""
    keys, tables = ["question_id", "seed"], []
    for arm in parts:
        right = correctness.correct_answers(scores[arm], scorer).select(*keys, pl.col("right").cast(pl.Boolean))
        tables.append(answers[arm].select(*keys, "confidence").join(right, keys))
    closed, opened = tables
    is_by_seed = set(closed["seed"]) <= set(opened["seed"])  # the released student has one answer for all seeds
    on = keys if is_by_seed else ["question_id"]
    rows = closed.join(opened, on, suffix="_open").join(questions, "question_id").sort(keys)
    columns = ("confidence", "right", "confidence_open", "right_open")
    rows = rows.select(*columns, "answerable").drop_nulls()
    return [Outcome(*values, not answerable) for *values, answerable in rows.rows()]
