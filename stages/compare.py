"""Compare the arms question by question, and decide the verdict.

reads   Scores[arm]         one row per question and scorer, all arms
        Questions           one row per exam question
        Chunks, Pairs       which documents have the gold passages, and which were studied
writes  metrics/verdict.json, metrics/kinds.json, metrics/studied.json, plots/accuracy.json
"""

from pathlib import Path

import polars as pl

from parts.project import metrics, params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.files import write_json
from parts.project.sections import Server, Student
from parts.scoring import correctness, versions
from parts.verdict import subgroups
from parts.verdict.comparison import CompareParams as Params
from parts.verdict.comparison import compare
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PLOT = Path("plots/accuracy.json")


def rightness(scorer: str, questions: pl.DataFrame) -> pl.DataFrame:
    """Return question_id and a column for each arm: the share of its seeds whose answer is right (0..1).

    Raises UserError when two arms were scored by different versions of a scorer.
    """
    scores = {arm: Scores.read(arm) for arm in load_arms()}
    versions.same_versions(scores)
    right = questions.select("question_id")
    for arm, arm_scores in scores.items():
        by_question = correctness.correct_answers(arm_scores, scorer).group_by("question_id")
        correct = by_question.agg(pl.col("right").fill_null(False).mean().alias(arm))  # over the seeds
        right = right.join(correct, "question_id", how="left", validate="1:1").with_columns(pl.col(arm).fill_null(0))
    return right


def main() -> None:
    """Write the verdict."""
    section, questions = params.load("compare", Params), Questions.read()
    teacher, judge = (params.load(name, Server) for name in ("teacher", "judge"))
    right = rightness(section.accuracy, questions)
    verdict = compare(right, load_arms(), section)
    names = {"judge": judge.model, "teacher": teacher.model, "student": params.load("student", Student).model}
    metrics.write("verdict", verdict | names | {"scorer": section.accuracy})
    by_kind, by_study = subgroups.by_kind(questions), subgroups.by_study(questions, Chunks.read(), Pairs.read())
    metrics.write("kinds", subgroups.effects(right, by_kind, section.resamples, section.seed))
    metrics.write("studied", subgroups.effects(right, by_study, section.resamples, section.seed))
    rows = [
        {"arm": arm}
        | {key: verdict[f"accuracy_{arm}{end}"] for key, end in (("accuracy", ""), ("lo", "_lo"), ("hi", "_hi"))}
        for arm in load_arms()
    ]
    write_json(PLOT, rows)
    print(f"verdict: {verdict['verdict']} (tuned minus rag {verdict['tuned_minus_rag']:+.3f})")


if __name__ == "__main__":
    run(main)
