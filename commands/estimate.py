"""Dry run: run the generators against a stub; count requests and tokens, and price those that are not cached.

python -m commands.estimate [PASSAGES]

PASSAGES: number of passages, spread over all, to send to the teacher first. Their replies are cached, and their lengths
make the estimate of the others more accurate.
"""

import asyncio

import polars as pl

from parts.generators.shared import dry_run
from parts.generators.shared.base import evenly_spread, load_generator
from parts.llm import jobs, prices
from parts.llm.client import connect
from parts.llm.response_cache import ResponseCache
from parts.project import params
from parts.project.command import run
from parts.project.sections import Server
from parts.text.terminal import table
from schemas.redacted import Redacted

HEAD = ("generator", "requests", "cached", "prompt tokens", "new tokens", "dollars")


async def pilot(chunks: pl.DataFrame, names: list[str], server: Server, count: int) -> None:
    """Generate from `count` passages, evenly spread, so that the teacher's replies are cached."""
    sample = chunks[sorted(evenly_spread(len(chunks), count))].to_dicts()
    async with connect(server) as teacher:
        for name in names:
            generate, knobs = load_generator(name)
            tasks = [lambda c=c, g=generate, k=knobs: g(c["heading"], c["text"], teacher.ask, k) for c in sample]
            await jobs.run_all(tasks, len(sample), f"{name}, pilot", teacher.meter)


def main(passages: int = 0) -> None:
    """Print each generator's requests, how many are cached, and tokens and dollars of the others."""
    chunks, server, names = Redacted.read(), params.load("teacher", Server), params.names("synthesize")
    if passages:
        asyncio.run(pilot(chunks, names, server, passages))
    price, cache = prices.load(), ResponseCache.open()
    estimates = {name: asyncio.run(dry_run.estimate(chunks, name, server, cache)) for name in names}
    counts = {
        name: [e.total("n_cached") + e.total("n_missing"), e.total("n_cached"), *e.missing_tokens()]
        for name, e in estimates.items()
    }
    counts["all"] = [sum(column) for column in zip(*counts.values(), strict=True)]
    costs = {name: price.cost_of_tokens(server.model, *row[2:]) for name, row in counts.items()}
    dollars = {name: "no price" if cost is None else f"{cost:.2f}" for name, cost in costs.items()}
    print(table(HEAD, [(name, *map(str, row), dollars[name]) for name, row in counts.items()]))
    print(f"tokens and dollars of requests that are not cached, at the prices of {price.dated}")
    if n_assumed := sum(estimate.n_assumed() for estimate in estimates.values()):
        print(
            f"{n_assumed} replies are assumed to have {dry_run.ASSUMED_NEW_TOKENS} tokens each: "
            f"`make estimate PILOT={dry_run.PILOT}` measures some"
        )


if __name__ == "__main__":
    run(main)
