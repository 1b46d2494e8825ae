"""Have the teacher turn each passage into training rows.

reads   Redacted            one row per passage, as the teacher may see it
writes  RawPairs[generator] one row per prompt and completion
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from parts.generators.shared import dry_run
from parts.generators.shared.base import REJECTED, Generator, Row, Source, load_generator
from parts.generators.shared.corpus import Corpus
from parts.llm import batch_api, jobs
from parts.llm.client import Client, connect
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from parts.project.sections import Server
from parts.retrieval.embedder import EmbedderParams, lazy_embedder
from schemas.pairs import RawPairs
from schemas.redacted import Redacted
from schemas.spool import Spool


async def synthesize(
    sources: Sequence[Source], generator: Generator, teacher: Client, take: Callable[[list[dict]], None]
) -> None:
    """Pass `take` the rows of each of `sources` by `generator`: one per prompt and completion, or per lost request.

    The sources come in the order in which the teacher finishes them.
    """

    async def write(source: Source) -> None:
        rows = await generator.rows(source, teacher.ask)
        take([_raw_pair(row, number, source, generator.name, teacher) for number, row in enumerate(rows)])

    requests = (lambda source=source: write(source) for source in sources)
    await jobs.run_all(requests, len(sources), generator.name, teacher.meter)


def _raw_pair(row: Row, number: int, source: Source, generator: str, teacher: Client) -> dict:
    key = " ".join([generator, *source.chunk_ids, str(number)])
    row_source = {"chunk_id": source.chunk_ids[0], "other_chunk_ids": source.chunk_ids[1:]}
    row_source |= {"doc_id": source.passage["doc_id"], "generator": generator, "teacher": teacher.server.model}
    return vars(row) | row_source | {"pair_id": hashlib.sha256(key.encode()).hexdigest()[:16]}


async def _generate(generator: Generator, corpus: Corpus, server: Server, spool: Spool) -> tuple[Counter, dict, int]:
    """Fill `spool` from `corpus`; return counts of its rows by the reason they were dropped (None: kept), the usage
    with the error of a pilot's estimate, and the paid requests. Raises UserError when no row was kept.
    """
    sources = generator.sources(corpus)
    reasons: Counter[str | None] = Counter()

    def take(rows: list[dict]) -> None:
        spool.add(rows)
        reasons.update(row["dropped"] for row in rows)

    async with connect(server, batches=batch_api.is_enabled()) as teacher:
        waiting = True
        while waiting:
            spool.clear()
            reasons.clear()
            await synthesize(sources, generator, teacher, take)
            waiting = await teacher.transport.settle()
        if not reasons[None] and (generator.is_about_each_passage or set(reasons) - REJECTED - {None}):
            raise UserError(_no_rows(generator.name, reasons, teacher))
        estimate = await dry_run.pilot_estimate(sources, generator, server, teacher.transport.cache)
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
    corpus = Corpus(Redacted.read().to_dicts(), lazy_embedder(params.load("retrieve", EmbedderParams).embedder))
    server = params.load("teacher", Server)
    reasons, usage, paid = asyncio.run(_generate(load_generator(generator), corpus, server, spool))
    spool.write(generator)
    rows = reasons.pop(None, 0)
    metrics.write(f"synthesize/{generator}", usage | {"rows": rows, "lost": sum(reasons.values())})
    lost = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    end = f"; lost: {lost}" if lost else ""
    if estimated := usage.get("tokens_estimated"):
        end += f"; tokens of {estimated} estimated, for the server does not count them"
    print(f"{generator}: {rows} rows from {usage['requests']} requests, {paid} of them paid now{end}")


if __name__ == "__main__":
    run(main)
