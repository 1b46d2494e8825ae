"""Have a judge check that the passage of a training row supports it."""

import asyncio
from collections import defaultdict
from collections.abc import Collection

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


def check_grounding(
    raw: pl.DataFrame, chunks: pl.DataFrame, reasoning: Collection[str], trusted: Collection[str] = ()
) -> tuple[pl.DataFrame, Meter]:
    """Return `raw` with unsupported and unjudged rows dropped, and the judge's usage.

    One request per distinct row, but none for a row of a `trusted` generator, and none for a question that no passage
    answers, which its generator checked. The reasoning of the generators in `reasoning` is checked too.
    """
    passages = {row["chunk_id"]: quoting.passage(row["heading"], row["text"]) for row in chunks.to_dicts()}
    pair_ids = defaultdict(list)
    is_checked = pl.col("dropped").is_null() & pl.col("answerable") & ~pl.col("generator").is_in(list(trusted))
    for row in raw.filter(is_checked).to_dicts():
        is_reasoned = row["generator"] in reasoning and row["reasoning"]
        answer = f"{row['reasoning']}\n{row['completion']}" if is_reasoned else row["completion"]
        question, answer = quoting.quoted(row["prompt"]), quoting.quoted(answer)
        passage = "\n\n".join(passages[chunk_id] for chunk_id in (row["chunk_id"], *row["other_chunk_ids"]))
        prompt = prompts.render("grounding/claims", question=question, answer=answer, passage=passage)
        pair_ids[prompt].append(row["pair_id"])
    reasons, meter = asyncio.run(_reasons(list(pair_ids)))
    by_pair = [(pair_id, reasons[prompt]) for prompt, ids in pair_ids.items() for pair_id in ids if reasons[prompt]]
    table = pl.DataFrame(by_pair, {"pair_id": pl.String, "reason": pl.String}, orient="row")
    rows = raw.join(table, "pair_id", "left").with_columns(dropped=pl.coalesce("dropped", "reason"))
    return rows.select(raw.columns), meter


async def _reasons(judge_prompts: list[str]) -> tuple[dict[str, str | None], Meter]:
    """Return for each prompt the reason to drop its rows, None if the passage supports them; and the judge's usage."""
    reasons: dict[str, str | None] = {}
    async with connect(params.load("judge", Server)) as judge:

        async def check(prompt: str) -> None:
            reasons[prompt] = await _reason(prompt, judge)

        requests = (lambda prompt=prompt: check(prompt) for prompt in judge_prompts)
        await jobs.run_all(requests, len(judge_prompts), "grounding", judge.meter)
    return reasons, judge.meter


async def _reason(prompt: str, judge: Client) -> str | None:
    reply = await judge.ask(prompt, schema=Support, temperature=0)
    parsed, _ = reply.parse(Support)
    if parsed is None:
        return "not judged"
    return None if parsed.verdict > 0 else "not grounded"
