"""Cache responses, and count the tokens they took, in one SQLite file that several processes may share.

A response is stored under a hash of its request before it is used. WAL with synchronous = NORMAL: it outlives the process
that paid for it, however that ends; if the machine loses power, the last responses may be lost, and the file stays
whole. (FULL would wait for the disk after every response.) No key of an API is stored.
"""

import hashlib
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS answers (request BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (model TEXT PRIMARY KEY, prompt_tokens INTEGER, new_tokens INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collected (batch TEXT PRIMARY KEY) WITHOUT ROWID;
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
        """Return the cache in CLOSEDBOOK_CACHE."""
        return cls(Path(os.environ.get("CLOSEDBOOK_CACHE", ".cache")))

    @staticmethod
    def key(path: str, content: bytes) -> bytes:
        """Return the hash of all that determines the response: path and body, not the server's address."""
        return hashlib.sha256(f"POST {path}\n".encode() + content).digest()

    def get(self, key: bytes) -> bytes | None:
        """Return the body of the response to a request; None when it is not cached."""
        row = self.db.execute("SELECT body FROM answers WHERE request = ?", (key,)).fetchone()
        return row[0] if row else None

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

    def collected_batches(self) -> set[str]:
        """Return the ids of the batches whose responses are stored."""
        return {batch for (batch,) in self.db.execute("SELECT batch FROM collected")}

    def close(self) -> None:
        """Close the file."""
        self.db.close()
