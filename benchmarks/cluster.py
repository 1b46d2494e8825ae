"""A Ray cluster of two machines of one core, both on this one: the same bytes, one of them killed or not, and the time of two.

python -m benchmarks.cluster    needs Ray: pip install 'closedbook[ray]'; without it nothing is measured
"""

import importlib.util
import io
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.baselines import exams
from benchmarks.baselines.figures import RESULTS, Figures
from benchmarks.ingest import write_documents
from parts.project import spread
from parts.retrieval import embedder
from parts.retrieval.embedder import BUNDLED, Embedder
from stages.ingest import ingest
from tests.helpers.ray_cluster import cluster_of_one, losing, second_machine

BATCHES = 3 * embedder.SPREAD


def tables(root: Path) -> bytes:
    """Return Documents and Rejected of the files below `root`, as Parquet."""
    file = io.BytesIO()
    for table in ingest(root):
        table.write_parquet(file)
    return file.getvalue()


def vectors(embed: Embedder, texts: list[str]) -> bytes:
    """Return the vectors of `texts`, in BATCHES batches."""
    return np.concatenate(list(embed.batches([texts[number::BATCHES] for number in range(BATCHES)]))).tobytes()


def cluster_figures(root: Path, texts: list[str]) -> Iterator[tuple[str, float, str]]:
    """Yield whether the bytes are the same, and how much faster two machines are than one."""
    embed = Embedder(BUNDLED)
    alone = tables(root), vectors(embed, texts)
    with cluster_of_one() as cluster:
        seconds = _seconds(root, embed, texts)
        with second_machine(cluster) as node, tempfile.TemporaryDirectory() as notes:
            vectors(embed, texts[:BATCHES])  # has the second machine load the model
            faster = [one / two for one, two in zip(seconds, _seconds(root, embed, texts), strict=True)]
            yield "ray_bytes_equal", int((tables(root), vectors(embed, texts)) == alone), "1"
            with mock.patch.object(spread, "spread", losing(cluster, node, Path(notes))):
                are_equal = tables(root) == alone[0]
        with second_machine(cluster) as node, tempfile.TemporaryDirectory() as notes:
            with mock.patch.object(embedder, "spread", losing(cluster, node, Path(notes))):
                are_equal &= vectors(embed, texts) == alone[1]
            yield "ray_node_killed_bytes_equal", int(are_equal), "1"
    yield "ray_ingest_speedup_2", faster[0], "2 at best"
    yield "ray_embed_speedup_2", faster[1], "2 at best"


def _seconds(root: Path, embed: Embedder, texts: list[str]) -> tuple[float, float]:
    vectors(embed, texts[:BATCHES])
    times = [time.perf_counter()]
    for job in (lambda: tables(root), lambda: vectors(embed, texts)):
        job()
        times.append(time.perf_counter())
    return times[1] - times[0], times[2] - times[1]


def main(documents: int = 480, passages: int = 480, results: Path = RESULTS) -> None:
    if not importlib.util.find_spec("ray"):
        print("not measured: Ray is not installed")
        return
    figures = Figures("scale", results, "ray", others=True)
    texts = exams.synthetic(passages)["text"].to_list()
    with tempfile.TemporaryDirectory() as root, mock.patch.dict(os.environ):
        os.environ.pop(spread.ADDRESS, None)
        for figure in cluster_figures(write_documents(Path(root), documents), texts):
            figures.add(*figure)
    figures.write()


if __name__ == "__main__":
    main()
