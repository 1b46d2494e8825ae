"""Compare the arms question by question, and decide the verdict.

reads   Scores[arm]         one row per question and scorer, all arms
        Questions           one row per exam question
        Chunks, Pairs       which documents have the gold passages, and which were studied
        metrics/exam.json   who wrote the exam, and its digest
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
from parts.verdict.comparison import CompareParams as Params
from parts.verdict.comparison import compare
from parts.verdict.subgroups import by_kind, by_study, effects
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores

PLOT = Path("plots/accuracy.json")


def rightness(scores: dict[str, pl.DataFrame], scorer: str, questions: pl.DataFrame) -> pl.DataFrame:
    """Return a row per question, arm and training seed: right (null where the scorer abstained) and its reason.

    `scores`: Scores by arm.
    """
    rows = []
    for arm, arm_scores in scores.items():
        asked = questions.select("question_id").join(arm_scores.select("seed").unique(), how="cross")
        correct = correctness.correct_answers(arm_scores, scorer).select("question_id", "seed", "right", "reason")
        rows.append(asked.join(correct, ["question_id", "seed"], how="left").with_columns(arm=pl.lit(arm)))
    return pl.concat(rows)


def documents(questions: pl.DataFrame, chunks: pl.DataFrame) -> pl.DataFrame:
    """Return question_id, answerable and document: its own, or the one of its first gold passage, or null."""
    by_chunk = chunks.select(first=pl.col("chunk_id"), gold_doc_id="doc_id")
    first = questions.with_columns(first=pl.col("gold_chunk_ids").list.first().list.first())
    rows = first.join(by_chunk, "first", how="left")
    return rows.select("question_id", "answerable", document=pl.coalesce("doc_id", "gold_doc_id"))


def main() -> None:
    """Write the verdict."""
    section, exam, chunks, arms = params.load("compare", Params), Questions.read(), Chunks.read(), load_arms()
    scores = {arm: Scores.read(arm) for arm in arms}
    right, questions = rightness(scores, section.accuracy, exam), documents(exam, chunks)
    verdict = compare(right, questions, arms, section)
    names = {name: params.load(name, Server).model for name in ("teacher", "judge")}
    names |= {"student": params.load("student", Student).model, "scorer": section.accuracy}
    names["scorer_version"] = versions.same_versions(scores).get(section.accuracy)
    names |= {key: metrics.read("exam")[key] for key in ("exam_by", "exam_sha")}
    metrics.write("verdict", verdict | names)
    for name, groups in (("kinds", by_kind(exam)), ("studied", by_study(exam, chunks, Pairs.read()))):
        metrics.write(name, effects(right, questions, groups, arms))
    ends = (("accuracy", ""), ("lo", "_lo"), ("hi", "_hi"))
    write_json(PLOT, [{"arm": arm} | {key: verdict[f"accuracy_{arm}{end}"] for key, end in ends} for arm in arms])
    print(f"verdict: {verdict['verdict']}; declining: {verdict.get('verdict_unanswerable', 'not asked')}")


if __name__ == "__main__":
    run(main)
