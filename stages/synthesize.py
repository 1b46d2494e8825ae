"""Ask the teacher to turn each passage into training rows.

reads   Redacted            one row per passage, as the teacher may see it
writes  RawPairs[generator] one row per prompt and completion
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import polars as pl

from parts.generators.shared import dry_run
from parts.generators.shared.base import Row, load_generator
from parts.llm import batch_api, jobs
from parts.llm.client import Client, connect
from parts.project import metrics, params
from parts.project.command import run
from parts.project.sections import Server
from schemas.pairs import RawPairs
from schemas.redacted import Redacted
from schemas.spool import Spool

Generate = Callable[[str, str], Awaitable[list[Row]]]
"""(heading, text) of a passage -> its rows"""


async def synthesize(
    chunks: pl.DataFrame, generate: Generate, generator: str, teacher: Client, take: Callable[[list[dict]], None]
) -> None:
    """Hand `take` what `generate` makes of each of `chunks`, one row per prompt and completion or lost request.

    The passages come in the order in which the teacher is done with them.
    """

    async def one(chunk: dict) -> None:
        made = await generate(chunk["heading"], chunk["text"])
        take([_named(row, number, chunk, generator, teacher.server.model) for number, row in enumerate(made)])

    asking = (lambda chunk=chunk: one(chunk) for chunk in chunks.iter_rows(named=True))
    await jobs.run_all(asking, len(chunks), generator, teacher.meter)


def _named(row: Row, number: int, chunk: dict, generator: str, teacher: str) -> dict:
    pair_id = hashlib.sha256(f"{generator} {chunk['chunk_id']} {number}".encode()).hexdigest()[:16]
    named = {"chunk_id": chunk["chunk_id"], "doc_id": chunk["doc_id"], "generator": generator}
    return vars(row) | named | {"pair_id": pair_id, "teacher": teacher}


async def _ask(name: str, chunks: pl.DataFrame, server: Server, spool: Spool) -> tuple[dict, int]:
    """Ask about all of `chunks`; return what it took, the error of an estimate from a pilot, and what was paid now."""
    make, knobs = load_generator(name)
    async with connect(server, batches=batch_api.is_enabled()) as teacher:
        waiting = True
        while waiting:
            spool.clear()
            await synthesize(
                chunks, lambda heading, text: make(heading, text, teacher.ask, knobs), name, teacher, spool.add
            )
            waiting = await teacher.transport.settle()
        guess = await dry_run.pilot_estimate(chunks, name, server, teacher.transport.cache)
    took = teacher.meter.prompt_tokens + teacher.meter.new_tokens
    return teacher.meter.metrics() | {"estimate_error": guess / took - 1 if took else None}, teacher.meter.paid


def main(generator: str) -> None:
    """Write RawPairs of the `generator`."""
    spool = Spool(RawPairs)
    found, paid = asyncio.run(_ask(generator, Redacted.read(), params.load("teacher", Server), spool))
    spool.write(generator)
    reasons = dict(pl.scan_parquet(RawPairs.address(generator)).group_by("dropped").len().collect().rows())
    rows = reasons.pop(None, 0)
    metrics.write(f"synthesize/{generator}", found | {"rows": rows, "lost": sum(reasons.values())})
    told = "".join(f"; {count} requests {reason}" for reason, count in sorted(reasons.items()))
    print(f"{generator}: {rows} rows from {found['requests']} requests, {paid} of them paid now{told}")


if __name__ == "__main__":
    run(main)
