"""Hold the arms against each other, question by question, and say which way wins.

reads   Scores[arm]         one row per question and scorer, all arms
        Questions           one row per exam question
        Chunks, Pairs       which documents hold the answers, and which were studied
writes  metrics/verdict.json, metrics/kinds.json, metrics/studied.json, plots/accuracy.json
"""

import json
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, Field

from parts import groups, stats
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import NAMES as ARMS
from parts.project.sections import Server, Student
from parts.scoring import correctness, versions
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PLOT = Path("plots/accuracy.json")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `compare` of params.yaml."""

    accuracy: Literal["exact", "judge"]  # the scorer that says whether an answer is right where there are no options
    resamples: int = Field(ge=100)  # of the bootstrap
    seed: int


def compare(right: pl.DataFrame, given: Params) -> dict[str, metrics.Value]:
    """Return each arm's accuracy with its interval, and tuned against rag, from a column of 0 and 1 for each arm.

    An answer that no scorer could judge counts as wrong.
    """
    found: dict[str, metrics.Value] = {"n_questions": len(right)}
    for arm in ARMS:
        found |= stats.share(right[arm]).named(f"accuracy_{arm}")
    for arm in ("tuned", "tuned_rag"):
        gap = stats.difference(right[arm], right["rag"], given.resamples, given.seed)
        found |= gap.named(f"{arm}_minus_rag")
    found["mcnemar_p"] = stats.mcnemar(right["tuned"], right["rag"])
    decided = found["tuned_minus_rag_lo"] > 0 or found["tuned_minus_rag_hi"] < 0
    found["verdict"] = ("tuned" if found["tuned_minus_rag"] > 0 else "rag") if decided else "undecided"
    more = None if decided else stats.further_questions(right["tuned"], right["rag"])
    found["further_questions"] = 0 if decided else more and max(1, more)
    return found


def rightness(scorer: str, questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and a column of 0 and 1 for each arm. Raises Mistake when arms were scored by different versions."""
    scores = {arm: Scores.read(arm) for arm in ARMS}
    versions.same(scores)
    right = questions.select("question_id")
    for arm, found in scores.items():
        marked = correctness.marks(found, scorer).select("question_id", pl.col("right").cast(pl.Float64).alias(arm))
        right = right.join(marked, "question_id", how="left", validate="1:1").with_columns(pl.col(arm).fill_null(0))
    return right


def main() -> None:
    """Write the verdict."""
    given, questions = params.load("compare", Params), Questions.read()
    teacher, judge = (params.load(name, Server) for name in ("teacher", "judge"))
    right = rightness(given.accuracy, questions)
    found = compare(right, given)
    names = {"judge": judge.model, "teacher": teacher.model, "student": params.load("student", Student).model}
    metrics.write("verdict", found | names | {"scorer": given.accuracy})
    by_kind, by_study = groups.by_kind(questions), groups.by_study(questions, Chunks.read(), Pairs.read())
    metrics.write("kinds", groups.effects(right, by_kind, given.resamples, given.seed))
    metrics.write("studied", groups.effects(right, by_study, given.resamples, given.seed))
    rows = [
        {"arm": arm}
        | {key: found[f"accuracy_{arm}{end}"] for key, end in (("accuracy", ""), ("lo", "_lo"), ("hi", "_hi"))}
        for arm in ARMS
    ]
    PLOT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"verdict: {found['verdict']} (tuned - rag {found['tuned_minus_rag']:+.3f})")


if __name__ == "__main__":
    run(main)
