"""Quality and speed of retrieval, against BM25, exact search, bare SQL and a bare COPY.

python -m benchmarks.rag [CORPORA] [PART...]    CORPORA: a folder with northwind/ and squad/ (or CLOSEDBOOK_CORPORA);
                                                PART: recall, search, hnsw, index, update; none: all
"""

import contextlib
import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.baselines import exams
from benchmarks.baselines.figures import RESULTS, Figures
from parts.project import params
from parts.project.queries import query
from parts.retrieval import postgres
from parts.retrieval.embedder import ENCODING, Embedder
from parts.retrieval.passage_store import WORDS_READ, PassageStore, embedding_text
from parts.retrieval.ranking import measure
from parts.retrieval.retriever import retrieve
from schemas.contexts import Contexts
from tests.helpers.source_code import ROOT

FIGURES = {
    "northwind": {"recall1": "recall_at_1", "recall8": "recall_at_8"},
    "squad": {"recall1": "recall_at_1", "recall8": "recall_at_8", "mrr": "mrr"},
}
NEAREST = "SELECT chunk_id, 1 - (embedding <=> %(v)s) FROM passages ORDER BY embedding <=> %(v)s, chunk_id LIMIT %(n)s"


@dataclass(frozen=True)
class Sizes:
    passages: int = 10_000  # searched, and updated
    questions: int = 600
    vectors: int = 200_000  # of the HNSW index
    probes: int = 500
    embedded: int = 2_000  # passages that a model embeds; other vectors are made from theirs
    rounds: int = 3


@dataclass(frozen=True)
class Bench:
    """What every part works with."""

    figures: Figures
    settings: postgres.RetrieveParams
    corpora: Path | None
    sizes: Sizes
    bm25: bool


@contextlib.contextmanager
def workdir() -> Iterator[postgres.RetrieveParams]:
    """Work with the shipped settings in a temporary folder with a Postgres of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copy(ROOT / "params.yaml", "params.yaml")
        shutil.copytree(ROOT / "metrics", "metrics")
        yield params.load("retrieve", postgres.RetrieveParams)


def bm25(questions: pl.DataFrame, chunks: pl.DataFrame, depth: int) -> pl.DataFrame:
    """Return the Contexts of BM25 alone, with English stop words and stems, as the full text of hybrid retrieval has them."""
    import bm25s
    import Stemmer

    options = {"stopwords": "en", "stemmer": Stemmer.Stemmer("english"), "show_progress": False}
    texts = [embedding_text(*row) for row in chunks.select("heading", "text").iter_rows()]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, **options), show_progress=False)
    tokens = bm25s.tokenize(questions["question"].to_list(), **options)
    positions, scores = index.retrieve(tokens, k=min(depth, len(texts)), show_progress=False)
    ids = chunks["chunk_id"].to_list()
    return Contexts.frame([
        {"question_id": question_id, "rank": rank, "chunk_id": ids[position], "score": score}
        for question_id, *ranking in zip(questions["question_id"], positions.tolist(), scores.tolist(), strict=True)
        for rank, (position, score) in enumerate(zip(*ranking, strict=True), 1)
    ])  # fmt: skip


def recall(bench: Bench) -> None:
    """Dense, hybrid and BM25 on questions whose passage, or cited page, is known."""
    for name, keys in FIGURES.items():
        if bench.corpora is None or not (bench.corpora / name).is_dir():
            print(f"{name}: not measured, for there is no folder {name} in CORPORA or CLOSEDBOOK_CORPORA")
            continue
        chunks, questions = getattr(exams, name)(bench.corpora, Embedder(bench.settings.embedder))
        bench.figures.add(f"{name}_passages", len(chunks))
        bench.figures.add(f"{name}_questions", len(questions))
        ways = ("dense", "hybrid")
        contexts = {way: retrieve(way, questions, chunks, bench.settings) for way in ways}
        if bench.bm25:
            contexts["bm25"] = bm25(questions, chunks, bench.settings.depth)
        for way, table in contexts.items():
            metrics = measure(table, questions, chunks, 8)
            for short, key in keys.items():
                bench.figures.add(f"{name}_{short}_{way}", metrics[key])
            if name == "northwind":
                widened = measure(table, exams.or_next_page(questions, chunks), chunks, 8)
                bench.figures.add(f"{name}_recall8_or_next_{way}", widened["recall_at_8"])


def p95(times: list[float]) -> float:
    return float(np.percentile(times, 95))


def search(bench: Bench) -> None:
    """An index's search against its bare SQL on the same connection, turn by turn."""
    settings, chunks = bench.settings, exams.synthetic(bench.sizes.passages)
    headings = chunks["heading"].unique(maintain_order=True)[: bench.sizes.questions]
    questions = [f"What is said of {heading}?" for heading in headings]
    embed = Embedder(settings.embedder)
    with temporary_store(chunks, settings, resampled(embed, chunks, bench.sizes.embedded)) as store:
        sql, hybrid_search = store.connection, query("hybrid_search")
        values = {"weight": 0.5, "rows": len(chunks), "depth": settings.depth}
        values |= {"languages": store.languages, "words_read": WORDS_READ}
        ways = {
            "dense": (
                lambda q, v: store.nearest(v),
                lambda q, v: sql.execute(NEAREST, {"v": v, "n": settings.depth}).fetchall(),
            ),
            "hybrid": (
                lambda q, v: store.hybrid(q, v, 0.5),
                lambda q, v: sql.execute(hybrid_search, {"question": q, "vector": v, **values}).fetchall(),
            ),
        }
        worst = 0.0
        for way, pair in ways.items():
            times: list[list[float]] = [[], []]
            for n, (question, vector) in enumerate(zip(questions, embed(questions), strict=True)):
                for side in (0, 1) if n % 2 else (1, 0):  # the second finds its pages warm
                    start = time.perf_counter()
                    pair[side](question, vector)
                    times[side].append((time.perf_counter() - start) * 1000)
            bench.figures.add(f"search_{way}_p95_ms", p95(times[0]))
            worst = max(worst, p95(times[0]) / p95(times[1]))
        bench.figures.add("search_p95_over_sql", worst, "<= 1.1")


def resampled(embed: Embedder, chunks: pl.DataFrame, size: int):
    """Return an embedder that resamples the vectors of the first `size` of `chunks`, to fill a table fast."""
    texts = [embedding_text(*row) for row in chunks.head(size).select("heading", "text").iter_rows()]

    class Resampled:
        width, real, seeds = embed.width, embed(texts), itertools.count(1)

        def __call__(self, texts: list[str]) -> np.ndarray:
            return exams.vectors(self.real, len(texts), next(self.seeds))  # others for each batch that the store embeds

        def batches(self, batches: list[list[str]]) -> Iterator[np.ndarray]:
            return map(self, batches)

    return Resampled()


@contextlib.contextmanager
def temporary_store(chunks: pl.DataFrame, settings: postgres.RetrieveParams, embed) -> Iterator[PassageStore]:
    """Yield a store of `chunks` in a schema of their own."""
    with postgres.connect() as connection:
        store = PassageStore(connection, "bench", settings, embed)
        store.sync(chunks)
        yield store
        connection.execute("DROP SCHEMA bench CASCADE")


def hnsw(bench: Bench) -> None:
    """Recall of the HNSW index with the shipped settings, `sizes.vectors` x 384."""
    size, texts = bench.sizes.vectors, exams.synthetic(bench.sizes.embedded)
    chunks = pl.concat([texts] * -(-size // len(texts))).head(size)
    number = pl.int_range(size)  # in the text, too: one that repeats would be embedded once
    chunks = chunks.with_columns(chunk_id=pl.format("c{}", number), text=pl.format("{} {}", "text", number))
    embed = resampled(Embedder(bench.settings.embedder), texts, len(texts))
    start = time.perf_counter()
    with temporary_store(chunks, bench.settings.model_copy(update={"exact_below": 0}), embed) as store:
        bench.figures.add("hnsw_vectors", size)
        bench.figures.add("hnsw_load_and_build_seconds", time.perf_counter() - start)
        probes = exams.vectors(embed.real, bench.sizes.probes, 0)
        common, times = 0, []
        for probe in probes:
            start = time.perf_counter()
            nearest = store.nearest(probe, 10)
            times.append((time.perf_counter() - start) * 1000)
            common += len(dict(nearest).keys() & dict(store.nearest_exact(probe, 10)).keys())
        bench.figures.add("hnsw_search_p95_ms", p95(times))
        bench.figures.add("hnsw_recall10", common / len(probes) / 10, ">= 0.99")


def index(bench: Bench) -> None:
    """Passages a second, our store against encode and COPY with nothing around them, turn by turn."""
    from pgvector.psycopg import register_vector

    chunks, embed = exams.synthetic(bench.sizes.embedded), Embedder(bench.settings.embedder)
    texts = [embedding_text(*row) for row in chunks.select("heading", "text").iter_rows()]
    embed(texts[:64])
    ours, bare = [], []
    with postgres.connect() as connection:
        register_vector(connection)
        for _ in range(bench.sizes.rounds):
            start = time.perf_counter()
            vectors = embed.model.encode(texts, **ENCODING)
            connection.execute("CREATE TABLE bare (chunk_id text PRIMARY KEY, text text, embedding vector(384))")
            with connection.cursor().copy("COPY bare FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.set_types(["text", "text", "vector"])
                for row in zip(chunks["chunk_id"], texts, vectors, strict=True):
                    copy.write_row(row)
            bare.append(time.perf_counter() - start)
            connection.execute("DROP TABLE bare")
            start = time.perf_counter()
            with temporary_store(chunks, bench.settings, embed):
                ours.append(time.perf_counter() - start)
    bench.figures.add("index_passages_per_second", len(texts) / statistics.median(ours))
    bench.figures.add("index_over_bare", statistics.median(bare) / statistics.median(ours), ">= 0.95")


def update(bench: Bench) -> None:
    """One passage changed; the model loaded, the server up. With an HNSW index, which is slower to change."""
    chunks, embed = exams.synthetic(bench.sizes.passages), Embedder(bench.settings.embedder)
    settings, times = bench.settings.model_copy(update={"exact_below": 0}), []
    with temporary_store(chunks, settings, resampled(embed, chunks, bench.sizes.embedded)) as store:
        store.embed = embed
        embed(["warm"])
        for n in range(5):
            edited = pl.col("chunk_id") == f"c{n * len(chunks) // 10:06}"
            chunks = chunks.with_columns(text=pl.when(edited).then(pl.lit(f"Edited {n}.")).otherwise("text"))
            start = time.perf_counter()
            assert store.sync(chunks) == 1
            times.append(time.perf_counter() - start)
    bench.figures.add("update_seconds", statistics.median(times), "<= 1")


PARTS = {"recall": recall, "search": search, "hnsw": hnsw, "index": index, "update": update}


def main(*arguments: str, sizes: Sizes = Sizes(), bm25: bool = True, results: Path = RESULTS) -> None:
    folders = [argument for argument in arguments if argument not in PARTS]
    corpora = folders[0] if folders else os.environ.get("CLOSEDBOOK_CORPORA")
    corpora = Path(corpora).resolve() if corpora else None
    figures = Figures(
        "rag", results, "pgvector", "sentence-transformers", *(["bm25s", "PyStemmer"] if bm25 else []), others=True
    )
    names = [argument for argument in arguments if argument in PARTS]
    for name in names or PARTS:
        with workdir() as settings:
            PARTS[name](Bench(figures, settings, corpora, sizes, bm25))
    figures.write()


if __name__ == "__main__":
    vectors = int(os.environ.get("CLOSEDBOOK_BENCH_VECTORS", Sizes.vectors))
    main(*sys.argv[1:], sizes=replace(Sizes(), vectors=vectors))
