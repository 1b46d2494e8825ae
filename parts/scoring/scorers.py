"""Score answers by every scorer: words, options, the judge and RAGAS."""

import polars as pl
from pydantic import BaseModel

from parts.llm import jobs
from parts.llm.client import Client
from parts.safety import detection
from parts.scoring import choice, exact, judge, ragas, squad
from parts.text import answer_format
from schemas.scores import Scores

Score = tuple[str, float | None, str | None, str]
"""scorer, value (None: abstained), reason, version"""


class ScoreParams(BaseModel, extra="forbid", frozen=True):
    """Section `score` of params.yaml."""

    judge: bool  # have the judge compare each answer with its reference
    ragas: bool  # have the judge score by RAGAS


def join_passages(
    answers: pl.DataFrame, questions: pl.DataFrame, contexts: pl.DataFrame, chunks: pl.DataFrame
) -> list[dict]:
    """Return each question with its response, the texts of the passages `shown` with it and of the `gold` ones."""
    texts = dict(chunks.select("chunk_id", "text").rows())
    ranked = contexts.sort("rank").group_by("question_id").agg("chunk_id").rows()
    retrieved = {question_id: [texts[chunk_id] for chunk_id in chunk_ids] for question_id, chunk_ids in ranked}
    rows = answers.join(questions, "question_id", validate="m:1").to_dicts()
    for row in rows:
        row["shown"] = retrieved.get(row["question_id"], [])[: row["passages"]]
        row["gold"] = [texts[chunk_id] for piece in row["gold_chunk_ids"] for chunk_id in piece]
    return rows


async def score(
    rows: list[dict], params: ScoreParams, client: Client, desc: str, mask: detection.Mask = list
) -> pl.DataFrame:
    """Return Scores of `rows`, as `join_passages` returns them; `client` is the judge's, and `desc` labels the progress bar.

    `mask` masks personal data in what the judge reads.
    """
    by_ragas = ragas.Ragas(client) if params.ragas else None
    requests = [lambda row=row: _score_row(row, params, by_ragas, client, mask) for row in rows]
    scores = await jobs.collect(requests, len(rows), desc, client.meter)
    columns = ("scorer", "value", "reason", "version")
    return Scores.frame([
        {"question_id": row["question_id"], "seed": row["seed"], **dict(zip(columns, values, strict=True))}
        for row, row_scores in zip(rows, scores, strict=True)
        for values in row_scores
    ])  # fmt: skip


async def _score_row(
    row: dict, params: ScoreParams, by_ragas: ragas.Ragas | None, client: Client, mask: detection.Mask
) -> list[Score]:
    scores = _rule_scores(row)
    passages = [*row["shown"], *row["gold"]]
    reference = answer_format.OR.join(row["references"])
    question, response, reference, *passages = mask([row["question"], row["response"], reference, *passages])
    if params.judge:
        verdict = await judge.score(question, response, reference, row["answerable"], client)
        scores.append(("judge", *verdict, judge.version(client)))
    if by_ragas and row["answerable"]:
        shown, gold = passages[: len(row["shown"])], passages[len(row["shown"]) :]
        ragas_scores = await by_ragas.score(
            ragas.Sample(question, response, reference.partition(answer_format.OR)[0], shown, gold)
        )
        scores += [(name, *value, by_ragas.version) for name, value in ragas_scores.items()]
    return scores


def _rule_scores(row: dict) -> list[Score]:
    """Return the scores that take no model."""
    response, references, answerable = (row[key] for key in ("response", "references", "answerable"))
    scores: list[Score] = [
        (name, value, None, by_words.VERSION)
        for by_words in (exact, squad)
        for name, value in by_words.score(response, references, answerable).items()
    ]
    if row["options"]:
        by_option = choice.score(response, row["likeliest"], row["options"], references, answerable)
        scores += [(name, *value, choice.VERSION) for name, value in by_option.items()]
    return scores
