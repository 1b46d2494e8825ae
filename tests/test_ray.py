"""On a Ray cluster of two machines, one killed in the middle, tables and vectors are those of this machine, byte for byte.

Ray is an extra, which CI does not install: pip install 'closedbook[ray]', then pytest tests/test_ray.py.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from invitro.world import writers
from parts.corpus import workers
from parts.project import spread
from parts.project.errors import UserError
from parts.retrieval import embedder
from parts.retrieval.embedder import BUNDLED, Embedder
from schemas.documents import Documents
from schemas.rejected import Rejected
from stages import ingest
from tests.helpers.ray_cluster import cluster_of_one, losing, second_machine
from tests.test_ingest import BLOCKS

pytest.importorskip("ray", reason="Ray is an extra: pip install 'closedbook[ray]'")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_an_address_without_a_cluster_is_an_error_in_one_line(monkeypatch, address):
    """Before there is one: a process keeps its first."""
    monkeypatch.setenv(spread.ADDRESS, address)
    with pytest.raises(UserError, match=f"CLOSEDBOOK_RAY={address}: .*: start it with `ray start --head`, or unset it"):
        list(spread.spread(refuse, [1]))


@pytest.fixture(scope="module")
def cluster():
    with cluster_of_one() as cluster:
        yield cluster


@pytest.fixture
def notes(tmp_path):
    """A folder with a file for each batch that was begun."""
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


@pytest.fixture(params=[False, True], ids=["two machines", "one of them lost"])
def spread_over_two(request, cluster, notes):
    """`spread.spread` over two machines; over two of which one is killed in the middle."""
    with second_machine(cluster) as node:
        yield losing(cluster, node, notes) if request.param else spread.spread


@pytest.fixture
def here(monkeypatch, cluster):
    """A function that calls another one without Ray."""

    def call(function, *arguments):
        with monkeypatch.context() as patch:
            patch.delenv(spread.ADDRESS)
            return function(*arguments)

    return call


def sleep(number: int) -> int:
    time.sleep(2)
    return number


def test_what_a_lost_machine_had_begun_is_done_again_elsewhere_and_comes_in_order(cluster, notes):
    with second_machine(cluster) as node:
        assert list(losing(cluster, node, notes)(sleep, range(10))) == list(range(10))
    assert [path.name.split(".")[0] for path in notes.glob("*.begun")] == [node.node_id]


def write_documents(folder: Path) -> Path:
    """Write a document of each format, some of each, and files that are none."""
    folder.mkdir()
    for number in range(18):
        suffix = list(writers.WRITERS)[number % len(writers.WRITERS)]
        (folder / f"{number}{suffix}").write_bytes(writers.WRITERS[suffix](f"Lamp {number}", BLOCKS))
    (folder / "empty.md").touch()
    (folder / "away.md").symlink_to("/away.md")
    return folder


def test_the_tables_of_documents_are_the_same_bytes(workplace, monkeypatch, here, spread_over_two):
    workplace.change("ingest", "path", str(write_documents(workplace.path / "documents").relative_to(workplace.path)))
    here(ingest.main)
    tables = [table.address().read_bytes() for table in (Documents, Rejected)]
    assert Documents.read().height == 18 and Rejected.read().height == 2
    for table in (Documents, Rejected):
        table.address().unlink()
    monkeypatch.setattr(workers, "BATCH", 2)
    monkeypatch.setattr(spread, "spread", spread_over_two)
    ingest.main()
    assert [table.address().read_bytes() for table in (Documents, Rejected)] == tables


def test_vectors_are_the_same_bytes(monkeypatch, here, spread_over_two):
    monkeypatch.setattr(embedder, "BATCH", 8)
    monkeypatch.setattr(embedder, "SPREAD", 2)
    embed, texts = Embedder(BUNDLED), [f"The lamp of hall {n} costs {n * 7} euros. " * (1 + n % 5) for n in range(90)]
    alone = np.concatenate([embed(texts[start : start + 8]) for start in range(0, len(texts), 8)])
    monkeypatch.setattr(embedder, "spread", spread_over_two)
    monkeypatch.setattr(embed.model, "encode_document", None)  # the model here is not asked
    assert embed(texts).tobytes() == alone.tobytes()


def read_strictly(files):
    workers.SECONDS, workers.MEMORY = 8, 1 << 30
    return workers.read_batch(files)


def test_a_file_has_its_limits_of_time_and_memory_on_every_machine(tmp_path, cluster):
    os.mkfifo(tmp_path / "stuck.md")
    (tmp_path / "good.md").write_text("good")
    files = [("stuck.md", tmp_path / "stuck.md"), ("greedy.md", Path("/dev/zero")), ("good.md", tmp_path / "good.md")]
    (readings,) = spread.spread(read_strictly, [files])
    assert [each.problem.reason if each.problem else each.text for each in readings] == [
        "timed out",
        "too large",
        "good",
    ]


def refuse(_):
    raise UserError("refused")


def test_an_error_of_a_user_is_the_same_error_here(cluster):
    with pytest.raises(UserError, match=r"^refused$"):
        list(spread.spread(refuse, [1, 2]))


def test_few_batches_wait_on_the_cluster_and_the_rest_here(tmp_path, cluster):
    results = spread.spread(mark, [str(tmp_path / str(n)) for n in range(1000)])
    next(results)
    n_begun = len(list(tmp_path.iterdir()))
    results.close()
    assert 0 < n_begun < 100


def mark(path: str) -> None:
    Path(path).touch()
