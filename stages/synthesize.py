"""Have the teacher turn each passage into training rows.

reads   Redacted            one row per passage, as the teacher may see it
writes  RawPairs[generator] one row per prompt and completion
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable

import polars as pl

from parts.generators.shared import dry_run
from parts.generators.shared.base import Row, load_generator
from parts.llm import batch_api, jobs
from parts.llm.client import Client, connect
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from schemas.pairs import RawPairs
from schemas.redacted import Redacted
from schemas.spool import Spool

Generate = Callable[[str, str], Awaitable[list[Row]]]
"""(heading, text) of a passage -> its rows"""


async def synthesize(
    chunks: pl.DataFrame, generate: Generate, generator: str, teacher: Client, take: Callable[[list[dict]], None]
) -> None:
    """Pass `take` the rows of each of `chunks` by `generate`: one per prompt and completion, or per lost request.

    The passages come in the order in which the teacher finishes them.
    """

    async def passage(chunk: dict) -> None:
        rows = await generate(chunk["heading"], chunk["text"])
        take([_raw_pair(row, number, chunk, generator, teacher.server.model) for number, row in enumerate(rows)])

    requests = (lambda chunk=chunk: passage(chunk) for chunk in chunks.iter_rows(named=True))
    await jobs.run_all(requests, len(chunks), generator, teacher.meter)


def _raw_pair(row: Row, number: int, chunk: dict, generator: str, teacher: str) -> dict:
    pair_id = hashlib.sha256(f"{generator} {chunk['chunk_id']} {number}".encode()).hexdigest()[:16]
    source = {"chunk_id": chunk["chunk_id"], "doc_id": chunk["doc_id"], "generator": generator}
    return vars(row) | source | {"pair_id": pair_id, "teacher": teacher}


async def _generate(name: str, chunks: pl.DataFrame, server: Server, spool: Spool) -> tuple[Counter, dict, int]:
    """Fill `spool` from all of `chunks`; return counts of its rows by the reason they were dropped (None: kept), the usage
    with the error of a pilot's estimate, and the paid requests. Raises UserError when no row was kept.
    """
    generate, section = load_generator(name)
    reasons: Counter[str | None] = Counter()

    def take(rows: list[dict]) -> None:
        spool.add(rows)
        reasons.update(row["dropped"] for row in rows)

    async with connect(server, batches=batch_api.is_enabled()) as teacher:
        waiting = True
        while waiting:
            spool.clear()
            reasons.clear()
            await synthesize(
                chunks, lambda heading, text: generate(heading, text, teacher.ask, section), name, teacher, take
            )
            waiting = await teacher.transport.settle()
        if not reasons[None]:
            raise UserError(_no_rows(name, reasons, teacher))
        estimate = await dry_run.pilot_estimate(chunks, name, server, teacher.transport.cache)
    tokens = teacher.meter.prompt_tokens + teacher.meter.new_tokens
    usage = teacher.meter.metrics() | {"estimate_error": estimate / tokens - 1 if tokens else None}
    return reasons, usage, teacher.meter.paid


def _no_rows(name: str, reasons: Counter, teacher: Client) -> str:
    lost = (
        ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()) if reason)
        or "none were in its replies"
    )
    says = f"; the server says: {teacher.transport.failures.refusal}" if teacher.transport.failures.refusal else ""
    return f"{name}: {teacher.server.model} wrote no row ({lost}): see that it can do what prompts/{name} asks{says}"


def main(generator: str) -> None:
    """Write RawPairs of the `generator`."""
    spool = Spool(RawPairs)
    chunks, server = Redacted.read(), params.load("teacher", Server)
    reasons, usage, paid = asyncio.run(_generate(generator, chunks, server, spool))
    spool.write(generator)
    rows = reasons.pop(None)
    metrics.write(f"synthesize/{generator}", usage | {"rows": rows, "lost": sum(reasons.values())})
    lost = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    end = f"; lost: {lost}" if lost else ""
    if estimated := usage.get("tokens_estimated"):
        end += f"; tokens of {estimated} estimated, for the server does not count them"
    print(f"{generator}: {rows} rows from {usage['requests']} requests, {paid} of them paid now{end}")


if __name__ == "__main__":
    run(main)
