"""Cache responses, and count the tokens they took, in one SQLite file that several processes may share.

A response is stored under a hash of its request before it is used. WAL with synchronous = NORMAL: it outlives the process
that paid for it, however that ends; if the machine loses power, the last responses may be lost, and the file stays
whole. (FULL would wait for the disk after every response.) No key of an API is stored.

What requests in flight may take is reserved in the same file, so that processes beside each other keep one budget, and
each request is claimed in it, so that they do not pay for one twice.

A file that is damaged is moved aside, and what can still be read of it is kept: it was paid for.
"""

import fcntl
import functools
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from parts.llm import cache_rescue
from parts.llm.cache_tables import CLAIM, COLLECT, GIVE_UP, RESERVE, SPEND, STORE, TABLES, WRITES
from parts.project.errors import UserError

NAME = "llm.sqlite"


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


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no other process make the file in `folder` meanwhile: SQLite does not wait for one that turns WAL on."""
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def in_one_line(method: Callable) -> Callable:
    """Return `method` of ResponseCache with SQLite's errors as those of a user."""

    @functools.wraps(method)
    def call(self, *arguments, **named):
        with self._in_one_line():
            return method(self, *arguments, **named)

    return call


class ResponseCache:
    """The responses in `folder`, and the tokens that were ever paid for them.

    Every method raises UserError where the file cannot be read or written.
    """

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with alone(folder):
                self._open()
        except sqlite3.DatabaseError as error:
            problem = self._problem(error)
            if self.file.exists():
                raise problem from error
            print(str(problem).removesuffix(": run the same command again"), file=sys.stderr)
            self._open()
        except OSError as error:
            raise UserError(f"the cache of answers {folder}: {error.strerror}: or set CLOSEDBOOK_CACHE") from error

    def _open(self) -> None:
        is_new = not self.file.exists()
        self.db = sqlite3.connect(self.file, isolation_level=None, timeout=60)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.executescript(TABLES)
        for statement in WRITES:
            self.db.execute(f"EXPLAIN {statement}", (None,) * statement.count("?"))  # does it have the columns?
        if is_new:
            cache_rescue.salvage(self.file, self.db)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what is written in the block, or nothing of it where it ends by an error."""
        self.db.execute("BEGIN IMMEDIATE")
        with self.db:
            yield

    @contextmanager
    def _in_one_line(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:  # of ours
            raise
        except sqlite3.DatabaseError as error:
            raise self._problem(error) from error

    def _problem(self, error: sqlite3.DatabaseError) -> UserError:
        """Return what is wrong with the file, in one line; move it aside where it is damaged."""
        if not cache_rescue.is_damaged(error):
            cause = "its disk is full" if "full" in str(error) else error
            return UserError(
                f"the cache of answers {self.file}: {cause}: make it writable, or set CLOSEDBOOK_CACHE to another folder; what "
                "was answered before is kept"
            )
        with suppress(sqlite3.Error):
            self.db.close()
        aside = cache_rescue.move_aside(self.file)
        return UserError(
            f"the cache of answers {self.file} was damaged ({error}): it is {aside.name} now, and what can be read of it is "
            "kept: run the same command again"
        )

    @classmethod
    def open(cls) -> "ResponseCache":
        """Return the cache in CLOSEDBOOK_CACHE: one for the repository and the copies in which DVC runs experiments."""
        return cls(repository(Path.cwd()) / os.environ.get("CLOSEDBOOK_CACHE", ".cache"))

    @in_one_line
    def get(self, key: bytes) -> bytes | None:
        """Return the body of the response to a request; None when it is not cached."""
        row = self.db.execute("SELECT body FROM answers WHERE request = ?", (key,)).fetchone()
        if row and not isinstance(row[0], bytes):
            self.remove(key)
            return None
        return row[0] if row else None

    @in_one_line
    def remove(self, key: bytes) -> None:
        """Remove the response to a request."""
        self.db.execute("DELETE FROM answers WHERE request = ?", (key,))

    @in_one_line
    def give_up(self, key: bytes) -> int:
        """Note that a request was given up in one more run; return in how many by now."""
        return self.db.execute(GIVE_UP, (key,)).fetchone()[0]

    @in_one_line
    def spend(self, model: str, prompt_tokens: int, new_tokens: int) -> None:
        """Add the tokens of a response that is of no use, and is not stored, to those paid."""
        self.db.execute(SPEND, (model, prompt_tokens, new_tokens))

    @in_one_line
    def store(self, *responses: CachedResponse, batch: str | None = None) -> None:
        """Store responses, add their tokens to those paid, and mark the `batch` they came in as collected: all or nothing."""
        with self._transaction():
            for each in responses:
                self.db.execute(STORE, (each.key, each.body))
                self.db.execute(SPEND, (each.model, each.prompt_tokens, each.new_tokens))
            if batch:
                self.db.execute(COLLECT, (batch,))

    @in_one_line
    def tokens_paid(self) -> list[tuple[str, int, int]]:
        """Return (model, prompt tokens, new tokens) ever paid for, by model."""
        return self.db.execute("SELECT model, prompt_tokens, new_tokens FROM spent").fetchall()

    @contextmanager
    def reservations(self) -> Iterator[list[Reservation]]:
        """Yield the reservations of all processes that run, while no other process can add one."""
        with self._in_one_line(), self._transaction():
            for (process,) in self.db.execute("SELECT DISTINCT process FROM reserved").fetchall():
                if process != identity(int(process.partition(" ")[0])):
                    self.db.execute("DELETE FROM reserved WHERE process = ?", (process,))
            rows = self.db.execute("SELECT model, prompt_tokens, new_tokens FROM reserved")
            yield [Reservation(*row) for row in rows.fetchall()]

    @in_one_line
    def reserve(self, reservation: Reservation) -> int:
        """Add a reservation of this process; return its number."""
        values = (identity(os.getpid()), *reservation)
        return self.db.execute(RESERVE, values).lastrowid

    @in_one_line
    def release(self, number: int) -> None:
        """Remove a reservation."""
        self.db.execute("DELETE FROM reserved WHERE id = ?", (number,))

    @in_one_line
    def claim(self, key: bytes) -> bool:
        """Claim a request for this process, before it is sent; return False while another one, that runs, has claimed it."""
        if self._is_claimed(key):  # read before the file is locked: many wait, and ask again and again
            return False
        with self._transaction():
            if self._is_claimed(key):
                return False
            self.db.execute(CLAIM, (key, identity(os.getpid())))
            return True

    def _is_claimed(self, key: bytes) -> bool:
        row = self.db.execute("SELECT process FROM claimed WHERE request = ?", (key,)).fetchone()
        return row is not None and row[0] == identity(int(row[0].partition(" ")[0]))

    @in_one_line
    def give_back(self, key: bytes) -> None:
        """End the claim of a request."""
        self.db.execute("DELETE FROM claimed WHERE request = ?", (key,))

    @in_one_line
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
