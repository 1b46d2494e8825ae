"""Store the passages of one corpus in Postgres, keep them in sync with the documents, and search them."""

import contextlib
import hashlib
import sys
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from parts.project.errors import UserError
from parts.project.progress import ProgressBar
from parts.project.queries import query
from parts.retrieval import full_text
from parts.retrieval.contexts import passages_by_id
from parts.retrieval.embedder import BATCH
from parts.retrieval.index import Hits
from parts.retrieval.passage_tables import PassageTables

WORDS_READ = 2000
"""Passages that the rarest words of a question choose, from which on no commoner word adds any; they bound a query's time."""


class PassageStore:
    """The passages of one corpus, in a Postgres schema of their own; edits are serialised by a lock."""

    def __init__(self, connection, schema: str, params, embed):
        """Create the schema if it is missing; `params` is RetrieveParams, `embed` is an Embedder.

        Raises UserError if the role may not create it, or the server does not have the text search params.language.
        """
        import psycopg
        from psycopg import sql

        self.connection, self.schema, self.params, self.embed = connection, schema, params, embed
        self.tables = PassageTables(connection, schema, params, embed.width)
        try:
            with self.alone("tables"), connection.transaction():
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
                set_path = (
                    "SELECT set_config('search_path', quote_ident(%s) || ', ' || current_setting('search_path'), false)"
                )
                connection.execute(set_path, (schema,))
                self.tables.create()
                connection.execute("SELECT %s::text::regconfig", (params.language,))
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "the role of CLOSEDBOOK_DSN may not create a schema: let the owner GRANT CREATE ON DATABASE to it"
            ) from error
        except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidName) as error:
            raise UserError(
                f"params.yaml: retrieve.language: Postgres has no text search called {params.language!r}"
            ) from error
        self.available = {name for (name,) in connection.execute("SELECT cfgname FROM pg_ts_config").fetchall()}
        connection.execute(f"SET hnsw.ef_search = {max(params.ef_search, params.depth)}")
        self._hybrid_search, self.embedded = query("hybrid_search"), 0
        self._count()

    def hold(self, chunks: pl.DataFrame) -> None:
        """Make the table equal to `chunks`, and let no other process change it until the connection closes."""
        self._lock("pg_advisory_lock_shared")
        new, removed = self._difference(chunks)[:2]
        if new or removed:
            self._lock("pg_advisory_unlock_shared")
            with self.alone():
                self.sync(chunks)
                self._lock("pg_advisory_lock_shared")
        self._count()

    def sync(self, chunks: pl.DataFrame) -> int:
        """Make the table equal to `chunks`; return the number of texts embedded: those that no passage had yet.

        Vectors are written as they come, to a table of their own; the passages change in one transaction, after all of them.
        """
        passages = passages_by_id(chunks)
        digests = {chunk_id: passage_digest(*passage) for chunk_id, passage in passages.items()}
        with self.alone():
            new, removed, searches = self._difference(chunks)
            self.embedded = self._embed({digests[chunk_id]: embedding_text(*passages[chunk_id]) for chunk_id in new})
            rebuild = 2 * len(new) > len(digests)
            with self.connection.transaction():
                if rebuild:
                    self.tables.set_indices(None)
                self.tables.delete(removed)
                self.tables.insert([(name, digests[name], searches[name], *passages[name]) for name in new])
                self.tables.set_indices(len(digests))
                if rebuild:
                    self.connection.execute("ANALYZE passages, passage_words, lexemes")
        self._count()
        return self.embedded

    def nearest(self, vector: np.ndarray, count: int | None = None) -> Hits:
        """Return the `count` (None: depth) passages nearest to `vector`, with cosine similarity, -1..1."""
        cursor = self.connection.execute(
            "SELECT chunk_id, 1 - (embedding <=> %(v)s) FROM passages ORDER BY embedding <=> %(v)s, chunk_id LIMIT %(n)s",
            {"v": self.tables.vector(vector), "n": count or self.params.depth},
        )
        return cursor.fetchall()

    def nearest_exact(self, vector: np.ndarray, count: int) -> Hits:
        """Return the same as `nearest` by exact search, without the index."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL enable_indexscan = off")
            return self.nearest(vector, count)

    def hybrid(self, question: str, vector: np.ndarray, weight: float) -> Hits:
        """Return the best depth passages by hybrid search; full text has `weight` (0..1), `vector` the rest."""
        values = {"question": full_text.opened(question), "vector": self.tables.vector(vector), "weight": weight}
        values |= {"depth": self.params.depth, "rows": self.rows, "languages": self.languages, "words_read": WORDS_READ}
        return self.connection.execute(self._hybrid_search, values).fetchall()

    def manifest(self) -> dict[str, int | str]:
        """Return the number of rows, the width and model of their vectors, and a SHA-256 of their ids and texts."""
        rows = self.connection.execute("SELECT chunk_id, sha256 FROM passages ORDER BY chunk_id").fetchall()
        digest = hashlib.sha256("\n".join(map("\t".join, rows)).encode()).hexdigest()
        return {"rows": len(rows), "width": self.embed.width, "embedder": self.params.embedder, "sha256": digest}

    @contextlib.contextmanager
    def alone(self, part: str = "") -> Iterator[None]:
        """Let no other process read this schema, or write to a `part` of it: it waits, and finds what this one computed."""
        if not self._lock("pg_try_advisory_lock", part):
            ProgressBar.write("waiting for another process that uses the same passages in Postgres", file=sys.stderr)
            self._lock("pg_advisory_lock", part)
        try:
            yield
        finally:
            if not self.connection.broken:  # else the server has let go of it
                self._lock("pg_advisory_unlock", part)

    def _lock(self, function: str, part: str = "") -> object:
        """Return what a function of Postgres's advisory locks says about the lock of this schema, or of a part of it."""
        from psycopg import sql

        call = sql.SQL("SELECT {}(hashtext(%s))").format(sql.Identifier(function))
        return self.connection.execute(call, (self.schema + part,)).fetchone()[0]

    def _difference(self, chunks: pl.DataFrame) -> tuple[list[str], list[str], dict[str, str]]:
        """Return the ids that are new or have another text, those to remove for it, and the text search of every passage."""
        searches = self._searches(chunks)
        digests = {chunk_id: passage_digest(*passage) for chunk_id, passage in passages_by_id(chunks).items()}
        rows = self.connection.execute("SELECT chunk_id, sha256, language::text FROM passages").fetchall()
        stored = {chunk_id: (digest, language) for chunk_id, digest, language in rows}
        new = [name for name, digest in digests.items() if stored.get(name) != (digest, searches[name])]
        removed = [chunk_id for chunk_id in stored if chunk_id not in digests]
        return new, [name for name in new + removed if name in stored], searches

    def _searches(self, chunks: pl.DataFrame) -> dict[str, str]:
        """Return chunk_id -> its text search."""
        if self.params.language:
            return dict.fromkeys(chunks["chunk_id"], self.params.language)
        return full_text.searches(chunks, self.available)

    def _embed(self, texts: Mapping[str, str]) -> int:
        """Have the vector of each of `texts` (digest -> text) in the table of vectors; return how many were embedded."""
        known = (
            "INSERT INTO vectors SELECT DISTINCT ON (sha256) sha256, embedding FROM passages WHERE sha256 = ANY(%s) "
            "ON CONFLICT DO NOTHING"
        )
        self.connection.execute(known, (list(texts),))
        stored = {digest for (digest,) in self.connection.execute("SELECT sha256 FROM vectors").fetchall()}
        missing = [digest for digest in texts if digest not in stored]
        with ProgressBar(total=len(missing), desc="embed", unit="passage", disable=len(missing) < BATCH) as bar:
            batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
            embedded = self.embed.batches([[texts[digest] for digest in batch] for batch in batches])
            for batch, vectors in zip(
                batches, embedded, strict=True
            ):  # written as they come: a stop loses those under way
                rows = [(digest, self.tables.vector(vector)) for digest, vector in zip(batch, vectors, strict=True)]
                self.tables.copy("vectors (sha256, embedding)", ["text", self.tables.type], rows)
                bar.update(len(batch))
        return len(missing)

    def _count(self) -> None:
        counts = self.connection.execute(
            "SELECT language::text, count(*) FROM passages GROUP BY 1 ORDER BY 1"
        ).fetchall()
        self.languages, self.rows = [name for name, _ in counts], sum(count for _, count in counts)


def embedding_text(heading: str, text: str) -> str:
    """Return the text of a passage that is embedded."""
    return f"{heading}\n{text}"


def passage_digest(heading: str, text: str) -> str:
    """Return a SHA-256 of a passage, which changes with its text."""
    return hashlib.sha256(embedding_text(heading, text).encode()).hexdigest()
