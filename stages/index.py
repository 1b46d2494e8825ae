"""Bring the passage store up to date with the documents.

reads   Chunks              one row per passage
writes  metrics/index.json  the store's manifest, for DVC to follow: rows, embedder, and a hash of their content
"""

import random
import sys

from parts.project import metrics, params
from parts.project.command import run
from parts.retrieval import postgres
from parts.retrieval.passage_store import PassageStore
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


def main() -> None:
    """Write metrics/index.json."""
    chunks = Chunks.read()
    texts = chunks["text"].to_list()
    with postgres.open_store(chunks, params.load("retrieve", postgres.RetrieveParams)) as store:
        manifest = store.manifest()
        manifest["recall_at_10"] = recall(store, random.Random(1).sample(texts, min(PROBES, len(texts))))
        if store.is_too_wide and store.rows >= store.params.exact_below:
            print(
                f"vectors of {store.embed.width:,} numbers are too wide for an index: search is exact", file=sys.stderr
            )
    metrics.write("index", manifest)
    print(f"{manifest['rows']} passages, {store.embedded} embedded now; recall@10 {manifest['recall_at_10']:.3f}")


if __name__ == "__main__":
    run(main)
