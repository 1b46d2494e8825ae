"""Measure how far the judge can be trusted: its agreement with itself, with known answers and with human labels.

reads   Questions           one row per exam question
        Answers[arm]        one row per question and seed, all arms
        Scores[arm]         one row per question, seed and scorer, all arms
        the file judge_agreement.labels
writes  metrics/judge_agreement.json
"""

import asyncio

import polars as pl

from parts.llm.client import connect
from parts.project import metrics, params
from parts.project.arms import load_arms
from parts.project.command import run
from parts.project.sections import Server
from parts.safety import detection
from parts.scoring import judge_agreement
from parts.scoring.judge_agreement import JudgeAgreementParams as Params
from parts.scoring.judge_agreement import agreement_of_judge, agreement_with_labels
from parts.text import answer_format
from parts.verdict.judge_cautions import judge_cautions
from schemas.answers import Answers
from schemas.questions import Questions
from schemas.scores import Scores


def judged_answers() -> list[dict]:
    """Return every judged answer (by the first seed of an arm) with its question, `arm`, and its scores `exact` and `judge`."""
    rows, questions = [], Questions.read().with_columns(reference=pl.col("references").list.join(answer_format.OR))
    for arm in load_arms():
        scores = Scores.read(arm).filter(pl.col("scorer").is_in(["exact", "judge"]))
        if "judge" in scores["scorer"]:
            key = ["question_id", "seed"]
            by_answer = scores.pivot("scorer", index=key, values="value")
            first = Answers.read(arm).filter(pl.col("seed") == pl.min("seed"))  # of several trainings, as people label
            joined = first.join(questions, "question_id", validate="1:1").join(by_answer, key)
            rows += joined.sort("question_id").with_columns(arm=pl.lit(arm)).to_dicts()
    return rows


async def _agreement(rows: list[dict], section: Params, server: Server) -> dict[str, metrics.Value]:
    if not rows:  # score.judge is false
        return judge_agreement.no_agreement()
    async with connect(server) as judge:
        return await agreement_of_judge(rows, section, judge, detection.masker(params.load("redact", detection.Params)))


def main() -> None:
    """Write metrics/judge_agreement.json."""
    section, rows = params.load("judge_agreement", Params), judged_answers()
    teacher, judge = params.load("teacher", Server), params.load("judge", Server)
    values = agreement_with_labels(rows, judge_agreement.labels(section.labels))
    values |= asyncio.run(_agreement(rows, section, judge))
    values |= {"judge": judge.model, "same_model": int(teacher.model == judge.model)}
    metrics.write("judge_agreement", values)
    names = [key.removesuffix("_n") for key in values if key.endswith("_n") and values[key]]
    shares = [f"{name} {values[f'{name}_agreement']:.3f}" for name in names]
    print(f"the judge's agreement: {', '.join(shares) or 'nothing was judged'}", *judge_cautions(values), sep="\n")


if __name__ == "__main__":
    run(main)
