"""Cache responses, and count the tokens they took, in one SQLite file that several processes may share.

A response is stored under a hash of its request before it is used. WAL with synchronous = NORMAL: it outlives the process
that paid for it, however that ends; if the machine loses power, the last responses may be lost, and the file stays
whole. (FULL would wait for the disk after every response.) No key of an API is stored.

What requests in flight may take is reserved in the same file, so that processes beside each other keep one budget.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS answers (request BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (model TEXT PRIMARY KEY, prompt_tokens INTEGER, new_tokens INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collected (batch TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reserved (
    id INTEGER PRIMARY KEY, process TEXT, model TEXT, prompt_tokens INTEGER, new_tokens INTEGER
);
CREATE TABLE IF NOT EXISTS given_up (request BLOB PRIMARY KEY, runs INTEGER) WITHOUT ROWID;
"""

SPEND = """
INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET
prompt_tokens = prompt_tokens + excluded.prompt_tokens, new_tokens = new_tokens + excluded.new_tokens
"""


class CachedResponse(NamedTuple):
    """One response, and the tokens it took."""

    key: bytes
    body: bytes
    model: str
    prompt_tokens: int
    new_tokens: int


class Reservation(NamedTuple):
    """What a request in flight may take."""

    model: str
    prompt_tokens: int
    new_tokens: int | None
    """None: the process that sent it knows no length yet"""


class ResponseCache:
    """The responses in `folder`, and the tokens that were ever paid for them."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.db = sqlite3.connect(folder / "llm.sqlite", isolation_level=None, timeout=60)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.executescript(TABLES)

    @classmethod
    def open(cls) -> "ResponseCache":
        """Return the cache in CLOSEDBOOK_CACHE: one for the repository and the copies in which DVC runs experiments."""
        return cls(repository(Path.cwd()) / os.environ.get("CLOSEDBOOK_CACHE", ".cache"))

    @staticmethod
    def key(path: str, content: bytes) -> bytes:
        """Return the hash of all that determines the response: path and body, not the server's address."""
        return hashlib.sha256(f"POST {path}\n".encode() + content).digest()

    def get(self, key: bytes) -> bytes | None:
        """Return the body of the response to a request; None when it is not cached."""
        row = self.db.execute("SELECT body FROM answers WHERE request = ?", (key,)).fetchone()
        return row[0] if row else None

    def remove(self, key: bytes) -> None:
        """Remove the response to a request."""
        self.db.execute("DELETE FROM answers WHERE request = ?", (key,))

    def give_up(self, key: bytes) -> int:
        """Note that a request was given up in one more run; return in how many by now."""
        count = "INSERT INTO given_up VALUES (?, 1) ON CONFLICT DO UPDATE SET runs = runs + 1 RETURNING runs"
        return self.db.execute(count, (key,)).fetchone()[0]

    def spend(self, model: str, prompt_tokens: int, new_tokens: int) -> None:
        """Add the tokens of a response that is of no use, and is not stored, to those paid."""
        self.db.execute(SPEND, (model, prompt_tokens, new_tokens))

    def store(self, *responses: CachedResponse, batch: str | None = None) -> None:
        """Store responses, add their tokens to those paid, and mark the `batch` they came in as collected: all or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        with self.db:  # commits, or rolls back
            for each in responses:
                self.db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (each.key, each.body))
                self.db.execute(SPEND, (each.model, each.prompt_tokens, each.new_tokens))
            if batch:
                self.db.execute("INSERT OR IGNORE INTO collected VALUES (?)", (batch,))

    def tokens_paid(self) -> list[tuple[str, int, int]]:
        """Return (model, prompt tokens, new tokens) ever paid for, by model."""
        return self.db.execute("SELECT model, prompt_tokens, new_tokens FROM spent").fetchall()

    @contextmanager
    def reservations(self) -> Iterator[list[Reservation]]:
        """Yield the reservations of all processes that run, while no other process can add one."""
        self.db.execute("BEGIN IMMEDIATE")
        with self.db:
            for (process,) in self.db.execute("SELECT DISTINCT process FROM reserved").fetchall():
                if process != identity(int(process.partition(" ")[0])):
                    self.db.execute("DELETE FROM reserved WHERE process = ?", (process,))
            rows = self.db.execute("SELECT model, prompt_tokens, new_tokens FROM reserved")
            yield [Reservation(*row) for row in rows.fetchall()]

    def reserve(self, reservation: Reservation) -> int:
        """Add a reservation of this process; return its number."""
        values = (identity(os.getpid()), *reservation)
        return self.db.execute("INSERT INTO reserved VALUES (NULL, ?, ?, ?, ?)", values).lastrowid

    def release(self, number: int) -> None:
        """Remove a reservation."""
        self.db.execute("DELETE FROM reserved WHERE id = ?", (number,))

    def collected_batches(self) -> set[str]:
        """Return the ids of the batches whose responses are stored."""
        return {batch for (batch,) in self.db.execute("SELECT batch FROM collected")}

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def identity(pid: int) -> str:
    """Return what tells a process from those that had its number before: the number, and when it started."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        started = "ended"
    return f"{pid} {started}"


def repository(folder: Path) -> Path:
    """Return the repository of which DVC made `folder` for an experiment (--temp, --queue); `folder` where it did not."""
    for parent in (folder, *folder.parents):
        if parent.parts[-4:-1] == (".dvc", "tmp", "exps"):
            return parent.parents[3]
    return folder
