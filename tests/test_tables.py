"""Tables keep their contract, and are written all or nothing, the same rows as the same bytes."""

import resource
import shutil
import signal
from contextlib import contextmanager

import polars as pl
import pytest

from schemas.chunks import Chunks
from schemas.pairs import PeoplePairs, RawPairs
from schemas.scores import Scores
from schemas.table import BadTable
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

ROW = {"chunk_id": "a#1", "doc_id": "a", "start": 0, "end": 4, "page": 1, "heading": "A", "text": "text", "n_tokens": 1}


def rows(count: int) -> list[dict]:
    return [ROW | {"chunk_id": f"a#{n}", "start": n * 10, "end": n * 10 + 4} for n in range(count)]


def test_the_same_rows_in_any_order_are_the_same_bytes(workplace):
    Chunks.write(Chunks.frame(rows(50)))
    first = Chunks.address().read_bytes()
    Chunks.write(Chunks.frame(rows(50)[::-1]))
    assert Chunks.address().read_bytes() == first
    assert Chunks.read()["start"].to_list() == [n * 10 for n in range(50)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ROW | {"end": 0}, "end"),
        (ROW | {"text": ""}, "text"),
        (ROW | {"page": None}, "page"),
        (ROW | {"start": 9}, "ends_after_it_starts"),
    ],
)
def test_a_row_that_breaks_the_contract_is_named_and_nothing_is_written(workplace, row, told):
    with pytest.raises(BadTable, match=told):
        Chunks.write(Chunks.frame([row]))
    assert list((workplace.path / "data").iterdir()) == [workplace.path / "data" / "none.jsonl"]


def test_a_column_too_many_or_too_few_is_refused(workplace):
    frame = Chunks.frame([ROW])
    with pytest.raises(BadTable):
        Chunks.write(frame.drop("page"))
    with pytest.raises(BadTable):
        Chunks.write(frame.with_columns(more=pl.lit(1)))


def test_two_rows_with_one_key_are_refused(workplace):
    row = {"question_id": "q", "seed": 0, "scorer": "exact", "version": "1", "value": 1.0, "reason": None}
    with pytest.raises(BadTable, match="same question_id, seed, scorer"):
        Scores.write(Scores.frame([row, row]), "base")


def test_a_table_that_is_not_there_says_what_makes_it(workplace):
    assert "`dvc repro` makes it" in error_line(Chunks.read), "outside of a repository"
    shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
    assert "`dvc repro chunk` makes it" in error_line(Chunks.read)
    assert "`dvc repro synthesize` makes it" in error_line(lambda: RawPairs.read("qa"))
    assert "`dvc repro rows` makes it" in error_line(PeoplePairs.read)


@contextmanager
def small_disk():
    """Let no file grow beyond 4 KB, as a full disk does not; pytest's own report, when it goes to a file, neither."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_ends_with_one_line_where_a_folder_is_copied(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").write_bytes(bytes(5000))
    with small_disk():
        line = error_line(lambda: shutil.copytree(tmp_path / "from", tmp_path / "to"))
    assert "no room left" in line


def test_a_full_disk_ends_with_one_line_and_leaves_the_old_table(workplace):
    Chunks.write(Chunks.frame(rows(3)))
    before = Chunks.address().read_bytes()
    more = Chunks.frame([row | {"text": f"{n:x}" * 50} for n, row in enumerate(rows(5000))])
    with small_disk():
        line = error_line(lambda: Chunks.write(more))
    assert "no room left" in line
    assert Chunks.address().read_bytes() == before
    assert not list(Chunks.address().parent.glob(".*"))
