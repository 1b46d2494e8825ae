"""Hold the arms against each other, question by question, and say which way wins.

reads   Scores[arm]         one row per question and scorer, all arms
        Questions           one row per exam question
        Chunks, Pairs       which documents hold the answers, and which were studied
writes  metrics/verdict.json, metrics/kinds.json, metrics/studied.json, plots/accuracy.json
"""

from pathlib import Path

import polars as pl

from parts.project import metrics, params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.sections import Server, Student
from parts.scoring import correctness, versions
from parts.verdict import subgroups
from parts.verdict.comparison import Params, compare
from schemas.chunks import Chunks
from schemas.files import write_json
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PLOT = Path("plots/accuracy.json")


def rightness(scorer: str, questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and a column of 0 and 1 for each arm. Raises Mistake when arms were scored by different versions."""
    scores = {arm: Scores.read(arm) for arm in load_arms()}
    versions.same_versions(scores)
    right = questions.select("question_id")
    for arm, found in scores.items():
        marked = correctness.correct_answers(found, scorer).select(
            "question_id", pl.col("right").cast(pl.Float64).alias(arm)
        )
        right = right.join(marked, "question_id", how="left", validate="1:1").with_columns(pl.col(arm).fill_null(0))
    return right


def main() -> None:
    """Write the verdict."""
    given, questions = params.load("compare", Params), Questions.read()
    teacher, judge = (params.load(name, Server) for name in ("teacher", "judge"))
    right = rightness(given.accuracy, questions)
    found = compare(right, load_arms(), given)
    names = {"judge": judge.model, "teacher": teacher.model, "student": params.load("student", Student).model}
    metrics.write("verdict", found | names | {"scorer": given.accuracy})
    by_kind, by_study = subgroups.by_kind(questions), subgroups.by_study(questions, Chunks.read(), Pairs.read())
    metrics.write("kinds", subgroups.effects(right, by_kind, given.resamples, given.seed))
    metrics.write("studied", subgroups.effects(right, by_study, given.resamples, given.seed))
    rows = [
        {"arm": arm}
        | {key: found[f"accuracy_{arm}{end}"] for key, end in (("accuracy", ""), ("lo", "_lo"), ("hi", "_hi"))}
        for arm in load_arms()
    ]
    write_json(PLOT, rows)
    print(f"verdict: {found['verdict']} (tuned - rag {found['tuned_minus_rag']:+.3f})")


if __name__ == "__main__":
    run(main)
