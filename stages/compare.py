"""Hold the arms against each other, question by question, and say which way wins.

reads   Scores[arm]         one row per question and scorer, all arms
        Questions           one row per exam question
        metrics/clock, metrics/synthesize, metrics/train: what answering and training took
writes  metrics/verdict.json, metrics/kinds.json, plots/accuracy.json
"""

import json
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts import metrics, params, prices, stats
from parts.arms import NAMES as ARMS
from parts.errors import run
from parts.serving import Server
from parts.student import Student
from schemas.questions import Questions
from schemas.scores import Scores

PLOT = Path("plots/accuracy.json")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "judge"]  # the scorer that says whether an answer is right
    resamples: int = Field(ge=100)  # of the bootstrap
    seed: int


def compare(right: pl.DataFrame, given: Params) -> dict[str, metrics.Value]:
    """Return each arm's accuracy with its interval, and tuned against rag, from a column of 0 and 1 for each arm.

    An answer that no scorer could judge counts as wrong.
    """
    found: dict[str, metrics.Value] = {"n_questions": len(right)}
    for arm in ARMS:
        found |= _with_interval(f"accuracy_{arm}", stats.share(right[arm]))
    for arm in ("tuned", "tuned_rag"):
        found |= _with_interval(
            f"{arm}_minus_rag", stats.difference(right[arm], right["rag"], given.resamples, given.seed)
        )
    found["mcnemar_p"] = stats.mcnemar(right["tuned"], right["rag"])
    decided = found["tuned_minus_rag_lo"] > 0 or found["tuned_minus_rag_hi"] < 0
    found["verdict"] = ("tuned" if found["tuned_minus_rag"] > 0 else "rag") if decided else "undecided"
    found["further_questions"] = 0 if decided else stats.further_questions(right["tuned"], right["rag"])
    return found


def costs(price: prices.Prices, teacher: str, generators: list[str]) -> dict[str, float | None]:
    """Return what 1,000 questions cost each arm, what the tuned student cost before the first, and when that is paid off."""
    per = {arm: price.ran(metrics.read(f"clock/{arm}")["mean_ms"]) for arm in ARMS}  # ms of one = s of a thousand
    asked = [metrics.read(f"synthesize/{name}") for name in generators]
    taught = price.asked(teacher, *(sum(row[key] for row in asked) for key in ("prompt_tokens", "new_tokens")))
    trained = price.ran(metrics.read("train")["seconds"])
    upfront = None if taught is None else taught + trained
    saved = (per["rag"] - per["tuned"]) / 1000
    even = round(upfront / saved) if upfront is not None and saved > 0 else None
    found = {f"cost_per_1000_{arm}": value for arm, value in per.items()}
    return found | {"cost_upfront_tuned": upfront, "break_even_questions": even}


def by_kind(right: pl.DataFrame, questions: pl.DataFrame) -> dict[str, metrics.Value]:
    """Return accuracy and number of questions for each kind of question and arm."""
    joined = right.join(questions.select("question_id", "kind"), "question_id", validate="1:1")
    found: dict[str, metrics.Value] = {}
    for (kind,), part in joined.group_by("kind"):
        found |= {f"{kind}_{arm}": part[arm].mean() for arm in ARMS} | {f"{kind}_n": len(part)}
    return found


def _with_interval(name: str, figure: stats.Interval) -> dict[str, float]:
    return {name: figure.value, f"{name}_lo": figure.lo, f"{name}_hi": figure.hi}


def rightness(scorer: str, questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and a column of 0 and 1 for each arm, by `scorer`."""
    right = questions.select("question_id")
    for arm in ARMS:
        scored = (
            Scores.read(arm)
            .filter(pl.col("scorer") == scorer)
            .select("question_id", pl.col("value").fill_null(0).alias(arm))
        )
        right = right.join(scored, "question_id", how="left", validate="1:1").with_columns(pl.col(arm).fill_null(0))
    return right


def main() -> None:
    """Write the verdict."""
    given, questions = params.load("compare", Params), Questions.read()
    teacher, judge = (params.load(name, Server) for name in ("teacher", "judge"))
    right = rightness(given.accuracy, questions)
    found = compare(right, given)
    names = {"judge": judge.model, "teacher": teacher.model, "student": params.load("student", Student).model}
    metrics.write(
        "verdict",
        found | costs(prices.load(), teacher.model, params.names("synthesize")) | names | {"scorer": given.accuracy},
    )
    metrics.write("kinds", by_kind(right, questions))
    rows = [
        {"arm": arm}
        | {key: found[f"accuracy_{arm}{end}"] for key, end in (("accuracy", ""), ("lo", "_lo"), ("hi", "_hi"))}
        for arm in ARMS
    ]
    PLOT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"verdict: {found['verdict']} (tuned - rag {found['tuned_minus_rag']:+.3f})")


if __name__ == "__main__":
    run(main)
