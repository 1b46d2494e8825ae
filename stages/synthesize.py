"""Ask the teacher to turn each passage into training rows.

reads   Redacted            one row per passage, as the teacher may see it
writes  RawPairs[generator] one row per prompt and completion
"""

import asyncio
import hashlib
import importlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import polars as pl

from parts import llm, metrics, params
from parts.errors import run
from parts.rows import Row
from schemas.pairs import RawPairs
from schemas.redacted import Redacted

Generate = Callable[[str, str], Awaitable[list[Row]]]
"""(heading, text) of a passage -> its rows"""


async def synthesize(chunks: Sequence[dict], generate: Generate, generator: str, teacher: llm.Client) -> pl.DataFrame:
    """Return what `generate` makes of each of `chunks`, one row per prompt and completion or lost request."""
    jobs = [lambda chunk=chunk: generate(chunk["heading"], chunk["text"]) for chunk in chunks]
    made = await llm.each(jobs, len(jobs), generator, teacher.meter)
    rows = []
    for chunk, found in zip(chunks, made, strict=True):
        for number, row in enumerate(found):
            pair_id = hashlib.sha256(f"{generator} {chunk['chunk_id']} {number}".encode()).hexdigest()[:16]
            named = {"chunk_id": chunk["chunk_id"], "doc_id": chunk["doc_id"], "generator": generator}
            rows.append(vars(row) | named | {"pair_id": pair_id, "teacher": teacher.server.model})
    return RawPairs.frame(rows)


async def _ask(name: str, chunks: Sequence[dict]) -> tuple[pl.DataFrame, llm.Meter]:
    part = importlib.import_module(f"parts.generators.{name}")
    given = params.load(f"synthesize.{name}", part.Params)
    async with llm.connect(params.load("teacher", llm.Server)) as teacher:
        rows = await synthesize(
            chunks, lambda heading, text: part.generate(heading, text, teacher.ask, given), name, teacher
        )
    return rows, teacher.meter


def main(name: str) -> None:
    """Write RawPairs of the generator `name`."""
    rows, meter = asyncio.run(_ask(name, Redacted.read().to_dicts()))
    RawPairs.write(rows, name)
    lost = Counter(rows["dropped"].drop_nulls().to_list())
    metrics.write(f"synthesize/{name}", meter.metrics() | {"rows": len(rows) - lost.total(), "lost": lost.total()})
    told = "".join(f"; {count} requests {reason}" for reason, count in sorted(lost.items()))
    print(
        f"{name}: {len(rows) - lost.total()} rows from {meter.requests} requests, {meter.paid} of them paid now{told}"
    )


if __name__ == "__main__":
    run(main)
