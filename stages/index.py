"""Bring the store of passages up to date with the documents.

reads   Chunks              one row per passage
writes  metrics/index.json  what the store then holds, for DVC to follow: rows, model, and a hash of their content
"""

import random

from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres
from parts.retrieval.passage_store import PassageStore
from schemas.chunks import Chunks

NEIGHBOURS, PROBES = 10, 200


def recall(held: PassageStore, texts: list[str]) -> float:
    """Return the share of the ten nearest passages of each of `texts` that the index finds, by exact search."""
    found = wanted = 0
    for vector in held.embed(texts):
        near = {chunk_id for chunk_id, _ in held.exactly(vector, NEIGHBOURS)}
        found += len(near & {chunk_id for chunk_id, _ in held.nearest(vector, NEIGHBOURS)})
        wanted += len(near)
    return found / wanted


def main() -> None:
    """Write metrics/index.json."""
    chunks = Chunks.read()
    texts = chunks["text"].to_list()
    with postgres.open_store(chunks, params.load("retrieve", postgres.Params)) as held:
        found = held.manifest()
        found["recall_at_10"] = recall(held, random.Random(1).sample(texts, min(PROBES, len(texts))))
    metrics.write("index", found)
    print(f"{found['rows']} passages held, {held.embedded} embedded anew; recall@10 {found['recall_at_10']:.3f}")


if __name__ == "__main__":
    run(main)
