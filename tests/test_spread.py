"""Work spread over processes comes back in order, as it is done, and is the same as without them."""

import os
import sys
from operator import neg
from pathlib import Path

import numpy as np
import pytest

from parts.corpus import workers
from parts.project import spread
from parts.project.errors import UserError
from parts.retrieval import embedder
from parts.retrieval.embedder import BUNDLED, Embedder

TEXTS = [f"The lamp of hall {n} costs {n * 7} euros. " * (1 + n % 5) for n in range(60)]


def mark(path: str) -> int:
    Path(path).touch()
    return os.getpid()


def die(_) -> None:
    os._exit(1)


@pytest.fixture
def small_batches(monkeypatch):
    """Embed in batches so small that a few texts are spread."""
    monkeypatch.setattr(embedder, "BATCH", 16)
    monkeypatch.setattr(embedder, "SPREAD", 2)


def test_results_are_in_the_order_of_the_batches_and_of_other_processes(tmp_path):
    assert list(spread.spread(neg, range(9))) == [-n for n in range(9)] and list(spread.spread(neg, [])) == []
    assert os.getpid() not in spread.spread(mark, [str(tmp_path / "a"), str(tmp_path / "b")])


def test_the_first_result_is_there_before_the_last_batch_is_begun(tmp_path, monkeypatch):
    monkeypatch.setenv(spread.PROCESSES, "1")
    results = spread.spread(mark, [str(tmp_path / str(n)) for n in range(1000)])
    next(results)
    n_begun = len(list(tmp_path.iterdir()))
    results.close()
    assert 0 < n_begun < 1000


def test_a_process_that_is_killed_is_an_error_in_one_line():
    with pytest.raises(UserError, match=r"a process was killed.*set CLOSEDBOOK_READERS lower"):
        list(spread.spread(die, [1]))


def test_a_cluster_without_ray_or_without_an_address_that_answers_is_an_error_in_one_line(monkeypatch):
    monkeypatch.setenv(spread.ADDRESS, "auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"CLOSEDBOOK_RAY: Ray is not installed: pip install 'closedbook\[ray\]'"):
        list(spread.spread(neg, [1]))


def test_a_machine_without_the_project_or_the_documents_is_an_error_and_rejects_no_file(tmp_path):
    with pytest.raises(
        UserError, match=f"CLOSEDBOOK_RAY: {tmp_path}/project cannot be opened on .*: the project must lie"
    ):
        spread._run(str(tmp_path / "project"), neg, 1)
    with pytest.raises(UserError, match=f"CLOSEDBOOK_RAY: there is no {tmp_path}/documents on "):
        workers.read_batch([("a.md", tmp_path / "documents/a.md")])


@pytest.mark.slow
def test_vectors_are_the_same_whether_processes_share_the_batches_or_not(small_batches, monkeypatch):
    embed = Embedder(BUNDLED)
    batches = [TEXTS[start : start + 16] for start in range(0, len(TEXTS), 16)]
    alone = np.concatenate([embed(batch) for batch in batches])
    monkeypatch.setattr(embed.model, "encode_document", None)  # the model here is not asked
    assert embed(TEXTS).tobytes() == alone.tobytes()


def test_few_texts_are_embedded_here_in_one_call(monkeypatch):
    embed = Embedder.__new__(Embedder)
    calls = []
    embed.model = type(
        "Model", (), {"encode_document": lambda self, texts, **_: calls.append(texts) or np.zeros((1, 1))}
    )()
    embed(["text"] * (embedder.SPREAD * embedder.BATCH - 1))
    assert [len(texts) for texts in calls] == [8191]
