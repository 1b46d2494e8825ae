"""Price a run of synthesis before it starts, from the passages, the prompts, prices.yaml and what is already cached.

python -m commands.estimate [PASSAGES]

With PASSAGES, so many passages, spread over all, are put to the teacher first: their replies are cached, and show how
long such replies are.
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

HEAD = ("generator", "requests", "kept", "prompt tokens", "new tokens", "dollars")


async def pilot(chunks: pl.DataFrame, names: list[str], server: Server, count: int) -> None:
    """Ask about `count` passages; the answers are in the cache afterwards."""
    some = chunks[sorted(evenly_spread(len(chunks), count))].to_dicts()
    async with connect(server) as teacher:
        for name in names:
            generate, knobs = load_generator(name)
            asking = [lambda c=c, g=generate, k=knobs: g(c["heading"], c["text"], teacher.ask, k) for c in some]
            await jobs.run_all(asking, len(some), f"{name}, pilot", teacher.meter)


def main(passages: int = 0) -> None:
    """Print what each generator of params.yaml asks, how much of it is kept, and what the rest costs."""
    chunks, server, names = Redacted.read(), params.load("teacher", Server), params.names("synthesize")
    if passages:
        asyncio.run(pilot(chunks, names, server, passages))
    price, kept = prices.load(), ResponseCache.open()
    found = {name: asyncio.run(dry_run.estimate(chunks, name, server, kept)) for name in names}
    rows = {
        name: [each.total("n_cached") + each.total("n_missing"), each.total("n_cached"), *each.missing_tokens()]
        for name, each in found.items()
    }
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    costs = [price.cost_of_tokens(server.model, *row[2:]) for row in rows.values()]
    dollars = ["no price" if cost is None else f"{cost:.2f}" for cost in costs]
    print(table(HEAD, [(name, *map(str, row), cost) for (name, row), cost in zip(rows.items(), dollars, strict=True)]))
    assumed = sum(each.n_assumed() for each in found.values())
    print(f"tokens and dollars are those still to be paid, at the prices of {price.dated}")
    if assumed:
        print(
            f"{assumed} answers are taken to have {dry_run.ASSUMED_NEW_TOKENS} tokens: "
            f"`make estimate PILOT={dry_run.PILOT}` learns"
        )


if __name__ == "__main__":
    run(main)
