"""Check by a model that what a row claims stands in the passage it was written from."""

import asyncio
from collections import defaultdict

import polars as pl
from pydantic import BaseModel

from parts.llm import jobs
from parts.llm.budget import Meter
from parts.llm.client import Client, connect
from parts.project import params, prompts
from parts.project.sections import Server
from parts.safety import quoting


class Support(BaseModel):
    """What the judge is to return."""

    reason: str
    verdict: int


def check_grounding(raw: pl.DataFrame, chunks: pl.DataFrame, reasoning: bool) -> tuple[pl.DataFrame, Meter]:
    """Return the rows, those that the judge does not find in their passage dropped, and what was asked of it.

    One request a row; rows that are quite the same share theirs. The reasoning of an answer is checked with it if asked.
    """
    passages = {row["chunk_id"]: quoting.passage(row["heading"], row["text"]) for row in chunks.to_dicts()}
    asked = defaultdict(list)
    for row in raw.filter(pl.col("dropped").is_null()).to_dicts():
        answer = f"{row['reasoning']}\n{row['completion']}" if reasoning and row["reasoning"] else row["completion"]
        question, answer = quoting.quoted(row["prompt"]), quoting.quoted(answer)
        prompt = prompts.render("grounding/claims", question=question, answer=answer, passage=passages[row["chunk_id"]])
        asked[prompt].append(row["pair_id"])
    verdicts, meter = asyncio.run(_ask(list(asked)))
    why = {pair_id: verdicts[prompt] for prompt, pair_ids in asked.items() for pair_id in pair_ids if verdicts[prompt]}
    found = pl.DataFrame(list(why.items()), {"pair_id": pl.String, "why": pl.String}, orient="row")
    rows = raw.join(found, "pair_id", "left").with_columns(dropped=pl.coalesce("dropped", "why"))
    return rows.select(raw.columns), meter


async def _ask(questions: list[str]) -> tuple[dict[str, str | None], Meter]:
    """Return for each prompt the reason to drop its rows, or None."""
    found: dict[str, str | None] = {}
    async with connect(params.load("judge", Server)) as judge:

        async def one(prompt: str) -> None:
            found[prompt] = await _verdict(prompt, judge)

        asking = (lambda prompt=prompt: one(prompt) for prompt in questions)
        await jobs.each(asking, len(questions), "grounding", judge.meter)
    return found, judge.meter


async def _verdict(prompt: str, judge: Client) -> str | None:
    reply = await judge.ask(prompt, schema=Support, temperature=0)
    parsed, _ = reply.parse(Support)
    if parsed is None:
        return "not judged"
    return None if parsed.verdict > 0 else "not grounded"
