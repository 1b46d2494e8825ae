"""The cache of answers keeps what was paid for whatever becomes of its file, and tells what is wrong in one line."""

import asyncio
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parts.llm.client import connect
from parts.llm.response_cache import CachedResponse, ResponseCache
from parts.project.errors import UserError
from parts.project.sections import Server


def ask(*prompts: str) -> list[str]:
    async def run():
        async with connect(Server(model="m")) as client:
            return [(await client.ask(prompt)).text for prompt in prompts]

    return asyncio.run(run())


@pytest.fixture
def file(cue, tmp_path):
    """The file of a cache with the answers to 300 prompts."""
    cue.default = "an answer of some length " * 8
    ask(*map(str, range(300)))
    cue.seen.clear()
    return tmp_path / "cache/llm.sqlite"


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def zero(file):
    file.write_bytes(bytes(file.stat().st_size))


def no_database(file):
    file.write_text("not a database " * 500)


def another_column(file):
    with sqlite3.connect(file) as db:
        db.execute("ALTER TABLE answers ADD COLUMN model TEXT")


def another_table(file):
    with sqlite3.connect(file) as db:
        db.execute("DROP TABLE spent")
        db.execute("CREATE TABLE spent (total INTEGER)")


@pytest.mark.parametrize(
    ("damage", "most_paid_again"),
    [(cut, 299), (zero, 300), (no_database, 300), (another_column, 0), (another_table, 0)],
)
def test_a_damaged_file_is_moved_aside_and_what_can_be_read_of_it_is_kept(file, cue, damage, most_paid_again, capfd):
    damage(file)
    for _ in range(3):  # it may show at a later page
        try:
            ask(*map(str, range(300)))
            break
        except UserError as error:
            assert "was damaged" in str(error) and "\n" not in str(error)
    assert len(cue.seen) <= most_paid_again
    cue.seen.clear()
    ask(*map(str, range(300)))
    assert not cue.seen, "the second run pays nothing"
    assert len([path for path in file.parent.glob("*.damaged-*") if not path.name.endswith(("-wal", "-shm"))]) == 1


@pytest.mark.parametrize("body", ["no JSON", b"{", None, 7])
def test_a_body_that_is_none_is_asked_for_once_more(file, cue, body):
    with sqlite3.connect(file) as db:
        db.execute("UPDATE answers SET body = ?", (body,))
    for _ in range(2):
        ask("1", "2")
    assert len(cue.seen) == 2


def test_processes_that_make_the_file_at_once_wait_for_each_other(tmp_path):
    def make(folder: Path, start: threading.Barrier) -> None:
        start.wait()
        ResponseCache(folder).close()

    with ThreadPoolExecutor(8) as pool:
        for number in range(40):
            start = threading.Barrier(8)
            for made in [pool.submit(make, tmp_path / str(number), start) for _ in range(8)]:
                made.result()  # an error without the lock, such as "database is locked"


def test_a_folder_in_its_place_is_an_error_in_one_line(cue, tmp_path):
    (tmp_path / "cache/llm.sqlite").mkdir(parents=True)
    with pytest.raises(UserError, match=r"llm.sqlite: unable to open database file: .*CLOSEDBOOK_CACHE"):
        ask("1")


def test_a_file_where_its_folder_should_be_is_an_error_in_one_line(cue, tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(UserError, match="CLOSEDBOOK_CACHE"):
        ask("1")


def test_a_full_disk_is_told_in_one_line_and_what_was_stored_before_stays(tmp_path):
    cache = ResponseCache(tmp_path)
    cache.store(CachedResponse(b"1", b"{}", "m", 1, 1))
    pages = cache.db.execute("PRAGMA page_count").fetchone()[0]
    cache.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UserError, match="its disk is full"):
        cache.store(CachedResponse(b"2", b"x" * 100_000, "m", 1, 1))
    assert cache.get(b"1") == b"{}"
    assert cache.tokens_paid() == [("m", 1, 1)], "what could not be stored is not counted"


def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path):
    ResponseCache(tmp_path).close()
    cache = ResponseCache(tmp_path)
    cache.db.execute("PRAGMA query_only = 1")
    with pytest.raises(UserError, match="readonly database: make it writable"):
        cache.store(CachedResponse(b"2", b"{}", "m", 1, 1))
