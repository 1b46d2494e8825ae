"""See whether the judge can be trusted: ask it again, hold it against what is certain and against people.

reads   Questions           one row per exam question
        Answers[arm]        one row per question, all arms
        Scores[arm]         one row per question and scorer, all arms
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
from schemas.answers import Answers
from schemas.questions import Questions
from schemas.scores import Scores


def material() -> list[dict]:
    """Return every judged answer with its question, `arm`, and what exact match and the judge say."""
    found, questions = [], Questions.read()
    for arm in load_arms():
        by = Scores.read(arm).filter(pl.col("scorer").is_in(["exact", "judge"]))
        if "judge" in by["scorer"]:
            scores = by.pivot("scorer", index="question_id", values="value")
            joined = Answers.read(arm).join(questions, "question_id", validate="1:1").join(scores, "question_id")
            found += joined.sort("question_id").with_columns(arm=pl.lit(arm)).to_dicts()
    return found


async def _ask(rows: list[dict], given: Params, server: Server) -> dict[str, metrics.Value]:
    if not rows:  # score.judge is false: nobody is to be asked
        return judge_agreement.agreement("self", []) | judge_agreement.agreement("wrong", [])
    async with connect(server) as asked:
        return await agreement_of_judge(rows, given, asked, detection.masker(params.load("redact", detection.Params)))


def main() -> None:
    """Write metrics/judge_agreement.json."""
    given, rows = params.load("judge_agreement", Params), material()
    teacher, server = params.load("teacher", Server), params.load("judge", Server)
    found = agreement_with_labels(rows, judge_agreement.labels(given.labels)) | asyncio.run(_ask(rows, given, server))
    found |= {"judge": server.model, "same_model": int(teacher.model == server.model)}
    metrics.write("judge_agreement", found)
    told = [
        f"{key} {found[f'{key}_agreement']:.3f}" for key in ("self", "right", "wrong", "human") if found[f"{key}_n"]
    ]
    print(
        f"the judge's agreement: {', '.join(told) or 'nothing was judged'}", *judge_agreement.cautions(found), sep="\n"
    )


if __name__ == "__main__":
    run(main)
