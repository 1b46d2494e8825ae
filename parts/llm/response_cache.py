"""Keep what was answered, and what it took, in one SQLite file that several processes may share.

An answer is kept under a hash of its request, before anybody sees it. WAL with synchronous = NORMAL: an answer outlives
the process that paid for it, however it ends; should the machine lose its power, the answers of the last moments may be
asked for again, and the file stays whole. (FULL would wait for the disk after every answer.) No key comes near it.
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
    """One answer, and what it took."""

    key: bytes
    body: bytes
    model: str
    prompt_tokens: int
    new_tokens: int


class ResponseCache:
    """The answers in `folder`, and the tokens that were ever paid for them."""

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
        """Return the hash of everything that changes the answer: what is asked, where an answer comes from is not."""
        return hashlib.sha256(f"POST {path}\n".encode() + content).digest()

    def get(self, key: bytes) -> bytes | None:
        """Return the answer to a request, if it is kept."""
        row = self.db.execute("SELECT body FROM answers WHERE request = ?", (key,)).fetchone()
        return row[0] if row else None

    def keep(self, *answers: CachedResponse, batch: str | None = None) -> None:
        """Keep answers, add what they took to what was spent, and mark the `batch` they came in: all or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        with self.db:  # commits, or rolls back
            for answer in answers:
                self.db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (answer.key, answer.body))
                self.db.execute(SPEND, (answer.model, answer.prompt_tokens, answer.new_tokens))
            if batch:
                self.db.execute("INSERT OR IGNORE INTO collected VALUES (?)", (batch,))

    def spent(self) -> list[tuple[str, int, int]]:
        """Return each model with the prompt tokens and new tokens that it was ever paid for."""
        return self.db.execute("SELECT model, prompt_tokens, new_tokens FROM spent").fetchall()

    def collected(self) -> set[str]:
        """Return the batches whose answers are kept."""
        return {batch for (batch,) in self.db.execute("SELECT batch FROM collected")}

    def close(self) -> None:
        """Close the file."""
        self.db.close()
