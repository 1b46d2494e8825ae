"""How well and how fast passages are found and held, against BM25, exact search, bare SQL and a bare COPY.

python -m benchmarks.rag [CORPORA] [PART...]    CORPORA: a folder with northwind/ and squad/ (or CLOSEDBOOK_CORPORA);
                                                PART: recall, search, hnsw, index, update; none: all
"""

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.baselines import exams
from benchmarks.baselines.figures import Figures
from parts.project import params
from parts.project.queries import query
from parts.retrieval import postgres
from parts.retrieval.embedder import Embedder
from parts.retrieval.passage_store import PassageStore, embedding_text
from parts.retrieval.ranking import measure
from parts.retrieval.retriever import retrieve
from schemas.contexts import Contexts
from tests.helpers.source_code import ROOT

RETRIEVERS = ("dense", "hybrid")
FIGURES = {
    "northwind": {"recall8": "recall_at_8"},
    "squad": {"recall1": "recall_at_1", "recall8": "recall_at_8", "mrr": "mrr"},
}


@contextlib.contextmanager
def home() -> Iterator[postgres.RetrieveParams]:
    """Work with the shipped knobs in a folder with a Postgres of its own, that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copy(ROOT / "params.yaml", "params.yaml")
        shutil.copytree(ROOT / "metrics", "metrics")
        yield params.load("retrieve", postgres.RetrieveParams)


def bm25(questions: pl.DataFrame, chunks: pl.DataFrame, depth: int) -> pl.DataFrame:
    """Return what BM25 alone finds, with English stop words and without stems."""
    import bm25s

    cut = {"stopwords": "en", "show_progress": False}
    texts = [embedding_text(*row) for row in chunks.select("heading", "text").iter_rows()]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, **cut), show_progress=False)
    asked = bm25s.tokenize(questions["question"].to_list(), **cut)
    places, scores = index.retrieve(asked, k=min(depth, len(texts)), show_progress=False)
    ids = chunks["chunk_id"].to_list()
    return Contexts.frame([
        {"question_id": question_id, "rank": rank, "chunk_id": ids[place], "score": score}
        for question_id, found, worth in zip(questions["question_id"], places.tolist(), scores.tolist(), strict=True)
        for rank, (place, score) in enumerate(zip(found, worth, strict=True), 1)
    ])  # fmt: skip


def recall(figures: Figures, given: postgres.RetrieveParams, corpora: Path | None) -> None:
    """Dense, hybrid and BM25 on questions whose passage, or cited page, is known."""
    for name, wanted in FIGURES.items():
        if corpora is None or not (corpora / name).is_dir():
            print(f"{name}: not measured, for there is no folder {name} in CORPORA or CLOSEDBOOK_CORPORA")
            continue
        chunks, questions = getattr(exams, name)(corpora, Embedder(given.embedder))
        figures.add(f"{name}_passages", len(chunks))
        figures.add(f"{name}_questions", len(questions))
        found = {way: retrieve(way, questions, chunks, given) for way in RETRIEVERS}
        found["bm25"] = bm25(questions, chunks, given.depth)
        for way, contexts in found.items():
            came = measure(contexts, questions, 8)
            for short, key in wanted.items():
                figures.add(f"{name}_{short}_{way}", came[key])


def p95(times: list[float]) -> float:
    return float(np.percentile(times, 95))


def search(figures: Figures, given: postgres.RetrieveParams, corpora: Path | None) -> None:
    """An index's search against its bare SQL on the same connection, turn by turn, on 10,000 passages."""
    chunks = exams.made_up(10_000)
    asked = [f"What is said of {heading}?" for heading in chunks["heading"].unique(maintain_order=True)[:600]]
    embed = Embedder(given.embedder)
    with held(chunks, given, quick(embed, chunks)) as kept:
        bare = kept.connection
        near = "SELECT chunk_id, 1 - (embedding <=> %(v)s) FROM passages ORDER BY embedding <=> %(v)s, chunk_id LIMIT %(n)s"
        knobs = {"weight": 0.5, "rows": 10_000, "depth": given.depth, "rrf": given.rrf, "language": given.language}
        fused = query("hybrid_search")
        ways = {
            "dense": (
                lambda q, v: kept.nearest(v),
                lambda q, v: bare.execute(near, {"v": v, "n": given.depth}).fetchall(),
            ),
            "hybrid": (
                lambda q, v: kept.hybrid(q, v, 0.5),
                lambda q, v: bare.execute(fused, {"question": q, "vector": v, **knobs}).fetchall(),
            ),
        }
        worst = 0.0
        for way, pair in ways.items():
            times: list[list[float]] = [[], []]
            for at, (question, vector) in enumerate(zip(asked, embed(asked), strict=True)):
                for which in (0, 1) if at % 2 else (1, 0):  # who is second finds its pages warm
                    start = time.perf_counter()
                    pair[which](question, vector)
                    times[which].append((time.perf_counter() - start) * 1000)
            figures.add(f"search_{way}_p95_ms", p95(times[0]))
            worst = max(worst, p95(times[0]) / p95(times[1]))
        figures.add("search_p95_over_sql", worst, "<= 1.1")


def quick(embed: Embedder, chunks: pl.DataFrame):
    """Return an embedder for filling a table with vectors that lie as real ones do, without making each."""

    class Made:
        width = embed.width
        real = embed([embedding_text(*row) for row in chunks.head(2000).select("heading", "text").iter_rows()])

        def __call__(self, texts: list[str]) -> np.ndarray:
            return exams.vectors(self.real, len(texts), 1)

    return Made()


@contextlib.contextmanager
def held(chunks: pl.DataFrame, given: postgres.RetrieveParams, embed) -> Iterator[PassageStore]:
    """Yield `chunks` held in a schema of their own."""
    with postgres.connect() as connection:
        kept = PassageStore(connection, "bench", given, embed)
        kept.sync(chunks)
        yield kept
        connection.execute("DROP SCHEMA bench CASCADE")


def hnsw(figures: Figures, given: postgres.RetrieveParams, corpora: Path | None) -> None:
    """Recall of the index with the knobs that ship, 200,000 x 384."""
    number = int(os.environ.get("CLOSEDBOOK_BENCH_VECTORS", 200_000))
    texts = exams.made_up(2000)
    chunks = pl.concat([texts] * -(-number // 2000)).head(number)
    chunks = chunks.with_columns(chunk_id=pl.format("c{}", pl.int_range(number)))
    embed = quick(Embedder(given.embedder), texts)
    start = time.perf_counter()
    with held(chunks, given.model_copy(update={"exact_below": 0}), embed) as kept:
        figures.add("hnsw_vectors", number)
        figures.add("hnsw_load_and_build_seconds", time.perf_counter() - start)
        same, times = 0, []
        probes = exams.vectors(embed.real, 500, 2)
        for probe in probes:
            begun = time.perf_counter()
            found = {chunk_id for chunk_id, _ in kept.nearest(probe, 10)}
            times.append((time.perf_counter() - begun) * 1000)
            same += len(found & {chunk_id for chunk_id, _ in kept.nearest_exact(probe, 10)})
        figures.add("hnsw_search_p95_ms", p95(times))
        figures.add("hnsw_recall10", same / len(probes) / 10, ">= 0.99")


def index(figures: Figures, given: postgres.RetrieveParams, corpora: Path | None) -> None:
    """Passages a second, hold against encode and COPY with nothing around them, turn by turn."""
    from pgvector.psycopg import register_vector

    chunks, embed = exams.made_up(2000), Embedder(given.embedder)
    texts = [embedding_text(*row) for row in chunks.select("heading", "text").iter_rows()]
    embed(texts[:64])
    ours, bare = [], []
    with postgres.connect() as connection:
        register_vector(connection)
        for _ in range(3):
            start = time.perf_counter()
            vectors = embed.model.encode(texts, batch_size=64, normalize_embeddings=True)
            connection.execute("CREATE TABLE bare (chunk_id text PRIMARY KEY, text text, embedding vector(384))")
            with connection.cursor().copy("COPY bare FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.set_types(["text", "text", "vector"])
                for row in zip(chunks["chunk_id"], texts, vectors, strict=True):
                    copy.write_row(row)
            bare.append(time.perf_counter() - start)
            connection.execute("DROP TABLE bare")
            start = time.perf_counter()
            with held(chunks, given, embed):
                ours.append(time.perf_counter() - start)
    figures.add("index_passages_per_second", len(texts) / statistics.median(ours))
    figures.add("index_over_bare", statistics.median(bare) / statistics.median(ours), ">= 0.95")


def update(figures: Figures, given: postgres.RetrieveParams, corpora: Path | None) -> None:
    """One of 10,000 passages changed; the model loaded, the server up. With an HNSW index, which is dearer to change."""
    chunks, embed = exams.made_up(10_000), Embedder(given.embedder)
    times = []
    with held(chunks, given.model_copy(update={"exact_below": 0}), quick(embed, chunks)) as kept:
        kept.embed = embed
        embed(["warm"])
        for n in range(5):
            changed = pl.when(pl.col("chunk_id") == f"c{n * 1000:06}").then(pl.lit(f"Edited {n}.")).otherwise("text")
            chunks = chunks.with_columns(text=changed)
            start = time.perf_counter()
            assert kept.sync(chunks) == 1
            times.append(time.perf_counter() - start)
    figures.add("update_seconds", statistics.median(times), "<= 1")


PARTS = {"recall": recall, "search": search, "hnsw": hnsw, "index": index, "update": update}


def main(*arguments: str) -> None:
    folders = [argument for argument in arguments if argument not in PARTS]
    corpora = folders[0] if folders else os.environ.get("CLOSEDBOOK_CORPORA")
    corpora = Path(corpora).resolve() if corpora else None
    figures = Figures("rag", "pgvector", "sentence-transformers", "bm25s")
    asked = [argument for argument in arguments if argument in PARTS]
    for name in asked or PARTS:
        with home() as given:
            PARTS[name](figures, given, corpora)
    if not asked:
        figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
