"""Bring the passage store up to date with the documents.

reads   Chunks              one row per passage
writes  metrics/index.json  the store's manifest, for DVC to follow: rows, embedder, and a hash of their content; and what
                            the embedder cannot read of the passages
"""

import random
import sys

import polars as pl

from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres
from parts.retrieval.contexts import passages_by_id
from parts.retrieval.embedder import Embedder
from parts.retrieval.passage_store import PassageStore, embedding_text
from schemas.chunks import Chunks

NEIGHBOURS, PROBES = 10, 200


def recall(store: PassageStore, texts: list[str]) -> float:
    """Return recall@10 (0..1) of the index: of the exact nearest passages to each of `texts`, the share that it returns."""
    n_returned = n_exact = 0
    for vector in store.embed(texts):
        exact = {chunk_id for chunk_id, _ in store.nearest_exact(vector, NEIGHBOURS)}
        n_returned += len(exact & {chunk_id for chunk_id, _ in store.nearest(vector, NEIGHBOURS)})
        n_exact += len(exact)
    return n_returned / n_exact


def unread(chunks: pl.DataFrame, embed: Embedder) -> dict[str, int]:
    """Return how many of Chunks are in a language that the card of `embed` does not name, and longer than it reads."""
    texts = [embedding_text(*passage) for passage in passages_by_id(chunks).values()]
    languages = chunks["language"].drop_nulls()
    foreign = languages.filter(~languages.is_in(list(embed.languages))) if embed.languages else []
    return {"in_other_languages": len(foreign), "cut": sum(embed.is_cut(texts))}


def complaints(counts: dict[str, int], params: postgres.RetrieveParams) -> list[str]:
    """Return a line for each thing that `unread` counted, and what to do."""
    lines = []
    if counts["in_other_languages"]:
        lines.append(
            f"caution: {counts['in_other_languages']} passages are in languages that {params.embedder} was not trained on: "
            "name a multilingual model in retrieve.embedder"
        )
    if counts["cut"]:
        lines.append(
            f"caution: {counts['cut']} passages are longer than {params.embedder} reads, and the rest of each is known by its "
            "words alone: lower chunk.max_tokens"
        )
    return lines


def main() -> None:
    """Write metrics/index.json."""
    chunks, section = Chunks.read(), params.load("retrieve", postgres.RetrieveParams)
    texts = chunks["text"].to_list()
    with postgres.open_store(chunks, section) as store:
        manifest = store.manifest()
        manifest["recall_at_10"] = recall(store, random.Random(1).sample(texts, min(PROBES, len(texts))))
        if store.tables.is_too_wide and store.rows >= store.params.exact_below:
            print(
                f"vectors of {store.embed.width:,} numbers are too wide for an index: search is exact", file=sys.stderr
            )
        counts = unread(chunks, store.embed)
    metrics.write("index", manifest | counts)
    for line in complaints(counts, section):
        print(line, file=sys.stderr)
    print(f"{manifest['rows']} passages, {store.embedded} embedded now; recall@10 {manifest['recall_at_10']:.3f}")


if __name__ == "__main__":
    run(main)
