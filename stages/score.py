"""Score an arm's answers.

reads   Answers[arm]        one row per question
        Questions           one row per exam question
        Contexts[retriever] one row per question and rank: what the arm was shown
        Chunks              one row per passage
writes  Scores[arm]         one row per question and scorer
"""

import asyncio
from collections.abc import Callable
from functools import partial

import polars as pl
from pydantic import BaseModel

from parts import jobs, llm, metrics, params, privacy
from parts.arms import Arm
from parts.errors import run
from parts.scorers import exact, judge, ragas
from schemas.answers import Answers
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions
from schemas.scores import Scores


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `score` of params.yaml."""

    judge: bool  # have the judge compare each answer with its reference
    ragas: bool  # have the judge score by RAGAS


Hide = Callable[[list[str]], list[str]]
"""texts that belong together -> the same as the judge may see them"""


async def score(rows: list[dict], given: Params, asked: llm.Client, what: str, hide: Hide = list) -> pl.DataFrame:
    """Return the scores of `rows`: each a question with `response`, `shown` and `gold` (texts of passages)."""
    by_ragas = ragas.Ragas(asked) if given.ragas else None
    scored = await jobs.collect(
        [lambda row=row: _row(row, given, by_ragas, asked, hide) for row in rows], len(rows), what, asked.meter
    )
    return Scores.frame([score for found in scored for score in found])


async def _row(row: dict, given: Params, by_ragas: ragas.Ragas | None, asked: llm.Client, hide: Hide) -> list[dict]:
    question, response, reference, answerable = (row[k] for k in ("question", "response", "reference", "answerable"))
    words = exact.score(response, reference, answerable)
    passages = [*row["shown"], *row["gold"]]
    question, response, reference, *passages = hide([question, response, reference, *passages])
    shown, gold = passages[: len(row["shown"])], passages[len(row["shown"]) :]
    found = {name: (value, None, exact.VERSION) for name, value in words.items()}
    model = asked.server.model
    if given.judge:
        found["judge"] = (
            *await judge.score(question, response, reference, answerable, asked),
            f"{judge.VERSION} {model}",
        )
    if by_ragas and answerable:
        sample = ragas.Sample(question, response, reference, shown, gold)
        for name, (value, reason) in (await by_ragas.score(sample)).items():
            found[name] = (value, reason, f"{ragas.VERSION} {model}")
    named = {"question_id": row["question_id"]}
    return [
        named | {"scorer": name, "value": value, "reason": reason, "version": version}
        for name, (value, reason, version) in found.items()
    ]


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


def summary(scores: pl.DataFrame) -> dict[str, float | None]:
    """Return the mean of each scorer, and how many questions it abstained on."""
    by = scores.group_by("scorer").agg(pl.mean("value"), n_null=pl.col("value").null_count(), n=pl.len()).sort("scorer")
    found = {row["scorer"]: row["value"] for row in by.to_dicts()}
    return found | {f"{row['scorer']}_n_null": row["n_null"] for row in by.to_dicts()}


async def _score(name: str) -> pl.DataFrame:
    arm = params.load(f"arms.{name}", Arm)
    rows = material(Answers.read(name), Questions.read(), Contexts.read(arm.contexts), Chunks.read())
    private = params.load("redact", privacy.Params)
    hide = list if private.private == "count" else partial(privacy.masked, given=private)
    async with llm.connect(params.load("judge", llm.Server)) as asked:
        return await score(rows, params.load("score", Params), asked, name, hide)


def main(name: str) -> None:
    """Write Scores of the arm `name`."""
    scores = asyncio.run(_score(name))
    Scores.write(scores, name)
    found = summary(scores)
    metrics.write(f"score/{name}", found)
    print(
        f"{name}: "
        + ", ".join(f"{key} {value:.3f}" for key, value in found.items() if value is not None and "_n_" not in key)
    )


if __name__ == "__main__":
    run(main)
