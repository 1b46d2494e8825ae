"""Move a damaged cache of answers aside, and read what is left of it: it was paid for."""

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from parts.llm.cache_tables import COLLECT, SPEND, STORE

DAMAGED = ("malformed", "not a database", "no such column", "no such table", "has no column", "columns but", "corrupt")
"""words of SQLite's errors for a file that is no cache of this version"""


def is_damaged(error: sqlite3.DatabaseError) -> bool:
    """Tell whether an error is the file's own fault, and not its disk's."""
    return any(words in str(error) for words in DAMAGED)


def move_aside(file: Path) -> Path:
    """Rename the closed database `file`; return its new path."""
    aside = file.with_name(f"{file.name}.damaged-{time.time_ns()}")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{file}{suffix}").rename(f"{aside}{suffix}")
    return aside


def salvage(file: Path, db: sqlite3.Connection) -> None:
    """Store what can be read of the last file that was moved aside, if any, in `db`, the new one.

    Answers are read in small ranges: a page that is lost ends one of them.
    """
    aside = [path for path in file.parent.glob(f"{file.name}.damaged-*") if path.suffix.rpartition("-")[2].isdigit()]
    if not aside:
        return
    db.execute("BEGIN IMMEDIATE")
    with db, closing(sqlite3.connect(f"{max(aside).absolute().as_uri()}?mode=ro", uri=True)) as older:
        older.execute("PRAGMA writable_schema = ON")  # SQLite then reads a file that was cut as far as it goes
        _copy(older, "SELECT model, prompt_tokens, new_tokens FROM spent", db, SPEND)
        _copy(older, "SELECT batch FROM collected", db, COLLECT)
        for start in range(2**16):
            ends = start.to_bytes(2, "big"), (start + 1).to_bytes(3, "big")[1:] if start < 2**16 - 1 else b"\xff" * 33
            _copy(older, "SELECT request, body FROM answers WHERE request >= ? AND request < ?", db, STORE, *ends)


def _copy(older: sqlite3.Connection, select: str, db: sqlite3.Connection, insert: str, *values: bytes) -> None:
    with suppress(sqlite3.DatabaseError):
        for row in older.execute(select, values):
            db.execute(insert, row)
