"""Dry run: run the generators against a stub; count requests and tokens, and price those that are not cached.

python -m commands.estimate [PASSAGES] [PROFILE]

PASSAGES: number of passages, spread over all, to send to the teacher first; 0: none. Their replies are cached, and their
lengths make the estimate of the others more accurate.
PROFILE: a profile of params/, whose documents are read, split and masked for it: no stage needs to have run.
"""

import asyncio
from pathlib import Path

import polars as pl

from experiments import profile
from parts.corpus.splitting import ChunkParams, split_documents
from parts.generators.shared import dry_run
from parts.generators.shared.base import Generator, evenly_spread, load_generator
from parts.generators.shared.corpus import Corpus
from parts.llm import jobs, prices
from parts.llm.client import connect
from parts.llm.response_cache import ResponseCache
from parts.project import params
from parts.project.command import run
from parts.project.sections import Server
from parts.retrieval.embedder import Embedder, EmbedderParams, lazy_embedder
from parts.safety import detection
from parts.safety.redaction import redact
from parts.text.terminal import table
from schemas.redacted import Redacted
from stages.ingest import ingest

HEAD = ("generator", "requests", "cached", "prompt tokens", "new tokens", "dollars")


async def pilot(generators: list[Generator], corpus: Corpus, server: Server, count: int) -> None:
    """Generate from `count` passages of each generator, evenly spread, so that the teacher's replies are cached."""
    async with connect(server) as teacher:
        for generator in generators:
            sources = generator.sources(corpus)
            sample = [sources[index] for index in sorted(evenly_spread(len(sources), count))]
            tasks = [lambda source=source, each=generator: each.rows(source, teacher.ask) for source in sample]
            await jobs.run_all(tasks, len(sample), f"{generator.name}, pilot", teacher.meter)


def masked_passages(sections: dict) -> pl.DataFrame:
    """Return Redacted of the documents of a profile's `sections`. Raises UserError where there are none."""
    documents, _ = ingest(Path(sections["ingest"]["path"]))
    embed = Embedder(sections["retrieve"]["embedder"])
    chunks = split_documents(documents, ChunkParams(**sections["chunk"]).max_tokens, embed.count_tokens)
    return redact(documents, chunks, detection.Params(**sections["redact"]))[0]


def main(passages: int = 0, name: str = "") -> None:
    """Print each generator's requests, how many are cached, and tokens and dollars of the others."""
    if name:
        sections = profile.sections_of(name)
        server, embedder = Server(**sections["teacher"]), sections["retrieve"]["embedder"]
        redacted = masked_passages(sections)
        generators = [load_generator(each, knobs) for each, knobs in sorted(sections["synthesize"].items())]
    else:
        server, embedder = params.load("teacher", Server), params.load("retrieve", EmbedderParams).embedder
        redacted, generators = Redacted.read(), [*map(load_generator, params.names("synthesize"))]
    corpus = Corpus(redacted.to_dicts(), lazy_embedder(embedder))
    if passages:
        asyncio.run(pilot(generators, corpus, server, passages))
    print_estimates(generators, corpus, server)


def print_estimates(generators: list[Generator], corpus: Corpus, server: Server) -> None:
    """Print the table."""
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
    if server.model not in price.models:
        print(
            f"prices.yaml has no price of {server.model}: add what a million tokens cost you, or 0 where you serve it"
        )
    if n_assumed := sum(estimate.n_assumed() for estimate in estimates.values()):
        print(
            f"{n_assumed} replies are assumed to have {dry_run.ASSUMED_NEW_TOKENS} tokens each: "
            f"`make estimate PILOT={dry_run.PILOT}` measures some"
        )


if __name__ == "__main__":
    run(main)
