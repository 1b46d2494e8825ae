"""Sync the passage store with the documents.

reads   Chunks              one row per passage
writes  metrics/index.json  the store's content, for DVC: rows, model, and a hash of the passages
"""

import random

from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres
from parts.retrieval.passage_store import PassageStore
from schemas.chunks import Chunks

NEIGHBOURS, PROBES = 10, 200


def recall(store: PassageStore, texts: list[str]) -> float:
    """Return the share (0..1) of the ten nearest passages of each of `texts`, by exact search, that the index returns."""
    n_hits = n_exact = 0
    for vector in store.embed(texts):
        exact = {chunk_id for chunk_id, _ in store.nearest_exact(vector, NEIGHBOURS)}
        n_hits += len(exact & {chunk_id for chunk_id, _ in store.nearest(vector, NEIGHBOURS)})
        n_exact += len(exact)
    return n_hits / n_exact


def main() -> None:
    """Write metrics/index.json."""
    chunks = Chunks.read()
    texts = chunks["text"].to_list()
    with postgres.open_store(chunks, params.load("retrieve", postgres.RetrieveParams)) as store:
        manifest = store.manifest()
        manifest["recall_at_10"] = recall(store, random.Random(1).sample(texts, min(PROBES, len(texts))))
    metrics.write("index", manifest)
    print(f"{manifest['rows']} passages stored, {store.embedded} embedded; recall@10 {manifest['recall_at_10']:.3f}")


if __name__ == "__main__":
    run(main)
