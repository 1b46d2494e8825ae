"""See whether the judge can be trusted: ask it again, hold it against what is certain and against people.

reads   Questions           one row per exam question
        Answers[arm]        one row per question, all arms
        Scores[arm]         one row per question and scorer, all arms
        the file trust.labels
writes  metrics/trust.json
"""

import asyncio
import random
from collections.abc import Iterable
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts import trust
from parts.llm import jobs
from parts.llm.client import Client, connect
from parts.project import answer_format, metrics, params
from parts.project.command import run
from parts.project.sections import NAMES as ARMS
from parts.project.sections import Server
from parts.safety import detection
from parts.scorers import exact, judge
from schemas.answers import Answers
from schemas.errors import Mistake
from schemas.questions import Questions
from schemas.scores import Scores


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `trust` of params.yaml."""

    sample: int = Field(ge=1)  # answers judged again, and questions put with the answer to another one
    draws: int = Field(ge=2)  # judgements of each, the one in the scores among them
    seed: int
    labels: Path  # a JSONL file of what people say


def again(rows: list[dict], given: Params) -> list[dict]:
    """Return a sample of the `rows` that the judge gave a verdict on; the others were settled without asking it."""
    asked = {(row["question_id"], row["response"]): row for row in rows if _was_asked(row)}  # two arms may say the same
    return random.Random(given.seed).sample(list(asked.values()), min(given.sample, len(asked)))


def swapped(rows: list[dict], given: Params) -> list[dict]:
    """Return a sample of the answerable questions, each with the reference of another one, of other words, as response."""
    rng = random.Random(given.seed)
    asked = sorted(
        {row["question_id"]: row for row in rows if row["answerable"]}.values(), key=lambda r: r["question_id"]
    )
    found = []
    for row in rng.sample(asked, min(given.sample, len(asked))):
        own = set(exact.words(f"{row['question']} {row['reference']}"))
        others = [other["reference"] for other in asked if not own & set(exact.words(other["reference"]))]
        found += [row | {"response": answer_format.write("", rng.choice(others))}] if others else []
    return found


def _was_asked(row: dict) -> bool:
    answered = answer_format.final(row["response"]) and not answer_format.declined(row["response"])
    return bool(row["answerable"] and row["judge"] is not None and answered)


async def verdicts(rows: list[dict], draw: int, asked: Client, hide: detection.Hide) -> list[float | None]:
    """Return the judge's verdicts on `rows`; every `draw` is asked for anew, for a kept answer agrees with itself."""

    async def one(row: dict) -> float | None:
        seen = hide([row["question"], row["response"], row["reference"]])
        return (await judge.score(*seen, row["answerable"], asked, draw))[0]

    judging = [lambda row=row: one(row) for row in rows]
    return await jobs.collect(judging, len(rows), f"trust, draw {draw}", asked.meter)


async def ask(rows: list[dict], given: Params, asked: Client, hide: detection.Hide) -> dict[str, metrics.Value]:
    """Return how far the judge agrees with itself, and with the wrongness of answers that are to another question."""
    sample, wrong, pairs = again(rows, given), swapped(rows, given), []
    for draw in range(1, given.draws):
        found = await verdicts(sample, draw, asked, hide)
        pairs += [(row["judge"], verdict) for row, verdict in zip(sample, found, strict=True)]
    settled = [(0.0, verdict) for verdict in await verdicts(wrong, 0, asked, hide)]
    return trust.share("self", pairs) | trust.share("wrong", settled)


def held(rows: list[dict], labels: Iterable[trust.Label]) -> dict[str, metrics.Value]:
    """Return how far the verdicts in `rows` agree with exact matches, and with `labels`. Raises Mistake for a strange one."""
    right = [(row["exact"], row["judge"]) for row in rows if row["answerable"] and row["exact"] == 1]
    by = {(row["question_id"], row["arm"]): row["judge"] for row in rows}
    pairs = []
    for label in labels:
        if (label.question_id, label.arm) not in by:
            raise Mistake(
                f"trust.labels has {label.arm} on {label.question_id}, which was never judged: correct it there"
            )
        pairs.append((float(label.correct), by[label.question_id, label.arm]))
    return trust.share("right", right) | trust.share("human", pairs) | {"human_kappa": trust.kappa(pairs)}


def material() -> list[dict]:
    """Return every judged answer with its question, `arm`, and what exact match and the judge say."""
    found, questions = [], Questions.read()
    for arm in ARMS:
        by = Scores.read(arm).filter(pl.col("scorer").is_in(["exact", "judge"]))
        if "judge" in by["scorer"]:
            scores = by.pivot("scorer", index="question_id", values="value")
            joined = Answers.read(arm).join(questions, "question_id", validate="1:1").join(scores, "question_id")
            found += joined.sort("question_id").with_columns(arm=pl.lit(arm)).to_dicts()
    return found


async def _ask(rows: list[dict], given: Params, server: Server) -> dict[str, metrics.Value]:
    if not rows:  # score.judge is false: nobody is to be asked
        return trust.share("self", []) | trust.share("wrong", [])
    async with connect(server) as asked:
        return await ask(rows, given, asked, detection.hiding(params.load("redact", detection.Params)))


def main() -> None:
    """Write metrics/trust.json."""
    given, rows = params.load("trust", Params), material()
    teacher, server = params.load("teacher", Server), params.load("judge", Server)
    found = held(rows, trust.labels(given.labels)) | asyncio.run(_ask(rows, given, server))
    found |= {"judge": server.model, "same_model": int(teacher.model == server.model)}
    metrics.write("trust", found)
    told = [
        f"{key} {found[f'{key}_agreement']:.3f}" for key in ("self", "right", "wrong", "human") if found[f"{key}_n"]
    ]
    print(f"the judge's agreement: {', '.join(told) or 'nothing was judged'}", *trust.cautions(found), sep="\n")


if __name__ == "__main__":
    run(main)
