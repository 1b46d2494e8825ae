"""Score an arm's answers.

reads   Answers[arm]        one row per question
        Questions           one row per exam question
        Contexts[retriever] one row per question and rank: what the arm was shown
        Chunks              one row per passage
writes  Scores[arm]         one row per question and scorer
"""

import asyncio

import polars as pl
from pydantic import BaseModel

from parts.llm import jobs
from parts.llm.client import Client, connect
from parts.project import metrics, params
from parts.project.arms import Arm
from parts.project.command import run
from parts.project.sections import Server
from parts.safety import detection
from parts.scoring import choice, exact, judge, ragas, summary
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions
from schemas.scores import Scores


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `score` of params.yaml."""

    judge: bool  # have the judge compare each answer with its reference
    ragas: bool  # have the judge score by RAGAS


async def score(rows: list[dict], given: Params, asked: Client, what: str, hide: detection.Mask = list) -> pl.DataFrame:
    """Return the scores of `rows`: each a question with `response`, `shown` and `gold` (texts of passages)."""
    by_ragas = ragas.Ragas(asked) if given.ragas else None
    scored = await jobs.collect(
        [lambda row=row: _row(row, given, by_ragas, asked, hide) for row in rows], len(rows), what, asked.meter
    )
    return Scores.frame([score for found in scored for score in found])


async def _row(
    row: dict, given: Params, by_ragas: ragas.Ragas | None, asked: Client, hide: detection.Mask
) -> list[dict]:
    found = _by_words(row)
    passages = [*row["shown"], *row["gold"]]
    question, response, reference, *passages = hide([row["question"], row["response"], row["reference"], *passages])
    if given.judge:
        judged = await judge.score(question, response, reference, row["answerable"], asked)
        found.append(("judge", *judged, judge.version(asked)))
    if by_ragas and row["answerable"]:
        shown, gold = passages[: len(row["shown"])], passages[len(row["shown"]) :]
        scored = await by_ragas.score(ragas.Sample(question, response, reference, shown, gold))
        found += [(name, *one, by_ragas.version) for name, one in scored.items()]
    columns = ("scorer", "value", "reason", "version")
    return [{"question_id": row["question_id"], **dict(zip(columns, one, strict=True))} for one in found]


def _by_words(row: dict) -> list[tuple]:
    """Return (scorer, value, reason, version) of the scorers that ask nobody."""
    response, reference, answerable = (row[key] for key in ("response", "reference", "answerable"))
    found = [(name, value, None, exact.VERSION) for name, value in exact.score(response, reference, answerable).items()]
    if row["options"]:
        chosen = choice.score(response, row["likeliest"], row["options"], reference, answerable)
        found += [(name, *one, choice.VERSION) for name, one in chosen.items()]
    return found


def material(
    answered: pl.DataFrame, questions: pl.DataFrame, contexts: pl.DataFrame, chunks: pl.DataFrame
) -> list[dict]:
    """Return each question with its response, the texts of the passages `shown` with it and of the `gold` ones."""
    texts = dict(chunks.select("chunk_id", "text").rows())
    shown = {
        key: [texts[i] for i in ids]
        for key, ids in contexts.sort("rank").group_by("question_id").agg("chunk_id").rows()
    }
    rows = answered.join(questions, "question_id", validate="1:1").to_dicts()
    for row in rows:
        row["shown"] = shown.get(row["question_id"], [])[: row["passages"]]
        row["gold"] = [texts[chunk_id] for piece in row["gold_chunk_ids"] for chunk_id in piece]
    return rows


async def _score(name: str, rows: list[dict]) -> pl.DataFrame:
    hide = detection.masker(params.load("redact", detection.Params))
    async with connect(params.load("judge", Server)) as asked:
        return await score(rows, params.load("score", Params), asked, name, hide)


def main(arm: str) -> None:
    """Write Scores of `arm`."""
    settings = params.load(f"arms.{arm}", Arm)
    rows = material(Answers.read(arm), Questions.read(), Contexts.read(settings.retriever), Chunks.read())
    scores = asyncio.run(_score(arm, rows))
    Scores.write(scores, arm)
    found = summary.summarise(scores)
    metrics.write(f"score/{arm}", found | summary.hallucination_rates(rows, scores))
    print(
        f"{arm}: "
        + ", ".join(f"{key} {found[key]:.3f}" for key in sorted(set(scores["scorer"])) if found[key] is not None)
    )


if __name__ == "__main__":
    run(main)
