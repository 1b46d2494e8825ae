"""Score an arm's answers.

reads   Answers[arm]        one row per question and seed
        Questions           one row per exam question
        Contexts[retriever] one row per question and rank: what the arm was shown
        Chunks              one row per passage
writes  Scores[arm]         one row per question, seed and scorer
"""

import asyncio

import polars as pl

from parts.llm.client import connect
from parts.project import metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.project.sections import Server
from parts.safety import detection
from parts.scoring import form, summary
from parts.scoring.scorers import ScoreParams as Params
from parts.scoring.scorers import join_passages, score
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions
from schemas.scores import Scores


async def _score(arm: str, rows: list[dict]) -> pl.DataFrame:
    mask = detection.masker(params.load("redact", detection.Params))
    async with connect(params.load("judge", Server)) as judge:
        return await score(rows, params.load("score", Params), judge, arm, mask)


def main(arm: str) -> None:
    """Write Scores of `arm`."""
    settings = params.load(f"arms.{arm}", Arm)
    rows = join_passages(Answers.read(arm), Questions.read(), Contexts.read(settings.retriever), Chunks.read())
    scores = asyncio.run(_score(arm, rows))
    Scores.write(scores, arm)
    means = summary.summarise(scores)
    rates = summary.by_answerable(rows, scores) | summary.hallucination_rates(rows, scores)
    metrics.write(f"score/{arm}", means | rates | form.shares(rows))
    print(f"{arm}: {summary.describe_means(scores)}")


if __name__ == "__main__":
    run(main)
