"""Dry run: run the generators against a stub; count requests and tokens, and price those that are not cached.

python -m commands.estimate [PASSAGES]

PASSAGES: number of passages, spread over all, to send to the teacher first. Their replies are cached, and their lengths
make the estimate of the others more accurate.
"""

import asyncio

from parts.generators.shared import dry_run
from parts.generators.shared.base import Generator, evenly_spread, load_generator
from parts.generators.shared.corpus import Corpus
from parts.llm import jobs, prices
from parts.llm.client import connect
from parts.llm.response_cache import ResponseCache
from parts.project import params
from parts.project.command import run
from parts.project.sections import Server
from parts.retrieval.embedder import EmbedderParams, lazy_embedder
from parts.text.terminal import table
from schemas.redacted import Redacted

HEAD = ("generator", "requests", "cached", "prompt tokens", "new tokens", "dollars")


async def pilot(generators: list[Generator], corpus: Corpus, server: Server, count: int) -> None:
    """Generate from `count` passages of each generator, evenly spread, so that the teacher's replies are cached."""
    async with connect(server) as teacher:
        for generator in generators:
            sources = generator.sources(corpus)
            sample = [sources[index] for index in sorted(evenly_spread(len(sources), count))]
            tasks = [lambda source=source, each=generator: each.rows(source, teacher.ask) for source in sample]
            await jobs.run_all(tasks, len(sample), f"{generator.name}, pilot", teacher.meter)


def main(passages: int = 0) -> None:
    """Print each generator's requests, how many are cached, and tokens and dollars of the others."""
    corpus = Corpus(Redacted.read().to_dicts(), lazy_embedder(params.load("retrieve", EmbedderParams).embedder))
    server, generators = params.load("teacher", Server), [*map(load_generator, params.names("synthesize"))]
    if passages:
        asyncio.run(pilot(generators, corpus, server, passages))
    price, cache = prices.load(), ResponseCache.open()
    estimates = {
        each.name: asyncio.run(dry_run.estimate(each.sources(corpus), each, server, cache)) for each in generators
    }
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
