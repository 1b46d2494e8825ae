"""Store the passages of one corpus in Postgres, keep them in sync with the documents, and search them."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from parts.project.errors import UserError
from parts.project.progress import ProgressBar
from parts.project.queries import query
from parts.retrieval.contexts import passages_by_id
from parts.retrieval.index import Hits

BUILD_MEMORY = "1GB"
"""maintenance_work_mem for building an HNSW index; 200,000 vectors of 384 numbers fit."""

WIDEST = {"vector": 2000, "halfvec": 4000}
"""The most numbers of a vector that an HNSW index takes, by its type (pgvector)."""

BATCH = 1024
"""Passages that are embedded before their vectors are written: all that a stop loses."""


class PassageStore:
    """The passages of one corpus, in a Postgres schema of their own; edits are serialised by a lock."""

    def __init__(self, connection, schema: str, params, embed):
        """Create the schema if it is missing; `params` is RetrieveParams, `embed` maps texts to unit vectors.

        Raises UserError if the role may not create it, or the server does not have the text search language.
        """
        import psycopg
        from psycopg import sql

        self.connection, self.schema, self.params, self.embed = connection, schema, params, embed
        self.type = "halfvec" if params.half_precision or embed.width > WIDEST["vector"] else "vector"
        self.is_too_wide = embed.width > WIDEST[self.type]
        try:
            with self._alone(), connection.transaction():
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
                set_path = (
                    "SELECT set_config('search_path', quote_ident(%s) || ', ' || current_setting('search_path'), false)"
                )
                connection.execute(set_path, (schema,))
                self._create_table()
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "the role of CLOSEDBOOK_DSN may not create a schema: let the owner GRANT CREATE ON DATABASE to it"
            ) from error
        except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidName) as error:
            raise UserError(
                f"params.yaml: retrieve.language: Postgres has no text search called {params.language!r}"
            ) from error
        connection.execute(f"SET hnsw.ef_search = {max(params.ef_search, params.depth)}")
        self._hybrid_search, self.embedded = query("hybrid_search"), 0
        self._count()

    def sync(self, chunks: pl.DataFrame) -> int:
        """Make the table equal to `chunks`; return the number of texts embedded: those that no passage had yet.

        Vectors are written as they come, to a table of their own; the passages change in one transaction, after all of them.
        """
        passages = passages_by_id(chunks)
        digests = {chunk_id: passage_digest(*passage) for chunk_id, passage in passages.items()}
        with self._alone():
            stored = dict(self.connection.execute("SELECT chunk_id, sha256 FROM passages").fetchall())
            new = [chunk_id for chunk_id, digest in digests.items() if stored.get(chunk_id) != digest]
            removed = [chunk_id for chunk_id in stored if chunk_id not in digests]
            self.embedded = self._embed({digests[chunk_id]: embedding_text(*passages[chunk_id]) for chunk_id in new})
            rebuild = 2 * len(new) > len(digests)
            with self.connection.transaction():
                if rebuild:
                    self._set_indices(None)
                self.connection.execute("DELETE FROM passages WHERE chunk_id = ANY(%s)", (new + removed,))
                self._insert([(chunk_id, digests[chunk_id], *passages[chunk_id]) for chunk_id in new])
                self._set_indices(len(digests))
                if rebuild:
                    self.connection.execute("ANALYZE passages")
        self._count()
        return self.embedded

    def nearest(self, vector: np.ndarray, count: int | None = None) -> Hits:
        """Return the `count` (None: depth) passages nearest to `vector`, with cosine similarity, -1..1."""
        cursor = self.connection.execute(
            "SELECT chunk_id, 1 - (embedding <=> %(v)s) FROM passages ORDER BY embedding <=> %(v)s, chunk_id LIMIT %(n)s",
            {"v": self._vector(vector), "n": count or self.params.depth},
        )
        return cursor.fetchall()

    def nearest_exact(self, vector: np.ndarray, count: int) -> Hits:
        """Return the same as `nearest` by exact search, without the index."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL enable_indexscan = off")
            return self.nearest(vector, count)

    def hybrid(self, question: str, vector: np.ndarray, weight: float) -> Hits:
        """Return the best depth passages by hybrid search; full text has `weight` (0..1), `vector` the rest."""
        values = {"question": question, "vector": self._vector(vector), "weight": weight, "rows": self.rows}
        values |= {"depth": self.params.depth, "language": self.params.language}
        return self.connection.execute(self._hybrid_search, values).fetchall()

    def manifest(self) -> dict[str, int | str]:
        """Return the number of rows, the width and model of their vectors, and a SHA-256 of their ids and texts."""
        rows = self.connection.execute("SELECT chunk_id, sha256 FROM passages ORDER BY chunk_id").fetchall()
        digest = hashlib.sha256("\n".join(map("\t".join, rows)).encode()).hexdigest()
        return {"rows": len(rows), "width": self.embed.width, "embedder": self.params.embedder, "sha256": digest}

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process write to this schema meanwhile: it waits, and finds the vectors that this one computed."""
        self.connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (self.schema,))
        try:
            yield
        finally:
            if not self.connection.broken:  # else the server has let go of it
                self.connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", (self.schema,))

    def _create_table(self) -> None:
        """Create the tables; recreate them if they were made with another model, precision, language or definition."""
        from psycopg import sql

        definition = query("passages_table")
        version = hashlib.sha256(definition.encode()).hexdigest()[:8]
        fingerprint = f"{self.params.embedder} {self.type}({self.embed.width}) {self.params.language} {version}"
        comment = (
            "SELECT obj_description(pg_class.oid, 'pg_class') FROM pg_class JOIN pg_namespace ON relnamespace = "
            "pg_namespace.oid WHERE relname = 'passages' AND nspname = %s"
        )
        if self.connection.execute(comment, (self.schema,)).fetchone() == (fingerprint,):
            return
        drop = sql.SQL("DROP TABLE IF EXISTS {schema}.passages, {schema}.vectors")
        self.connection.execute(drop.format(schema=sql.Identifier(self.schema)))
        values = {"language": sql.Literal(self.params.language), "fingerprint": sql.Literal(fingerprint)}
        vectors = sql.SQL(self.type + "({})").format(sql.Literal(self.embed.width))
        self.connection.execute(sql.SQL(definition).format(**values, vectors=vectors))

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
            for start in range(0, len(missing), BATCH):
                batch = missing[start : start + BATCH]
                vectors = self.embed([texts[digest] for digest in batch])
                rows = [(digest, self._vector(vector)) for digest, vector in zip(batch, vectors, strict=True)]
                self._copy("vectors (sha256, embedding)", ["text", self.type], rows)
                bar.update(len(batch))
        return len(missing)

    def _insert(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Insert passages (chunk_id, sha256, heading, text), whose vectors are in the table of vectors; empty that."""
        self.connection.execute(
            "CREATE TEMP TABLE fresh (chunk_id text, sha256 text, heading text, text text) ON COMMIT DROP"
        )
        self._copy("fresh", ["text"] * 4, rows)
        self.connection.execute(
            "INSERT INTO passages (sha256, chunk_id, heading, text, embedding) SELECT * FROM fresh JOIN vectors USING (sha256)"
        )
        self.connection.execute("DELETE FROM vectors")

    def _copy(self, table: str, types: list[str], rows: Sequence[tuple]) -> None:
        with self.connection.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def _set_indices(self, rows: int | None) -> None:
        """Create and drop indices for a table of `rows` passages; None: drop all, so that rows load faster."""
        params, existing = (
            self.params,
            "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexname LIKE 'by%%'",
        )
        wanted = {} if rows is None else {"by_words": "gin (words)"}
        if rows is not None and rows >= params.exact_below and not self.is_too_wide:
            options = f"WITH (m = {params.m}, ef_construction = {params.ef_construction})"
            wanted[f"by_meaning_{params.m}_{params.ef_construction}"] = (
                f"hnsw (embedding {self.type}_cosine_ops) {options}"
            )
        names = {name for (name,) in self.connection.execute(existing, (self.schema,)).fetchall()}
        for name in names - set(wanted):
            self.connection.execute(f"DROP INDEX {name}")
        self.connection.execute(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'")
        for name in set(wanted) - names:
            self.connection.execute(f"CREATE INDEX {name} ON passages USING {wanted[name]}")

    def _count(self) -> None:
        (self.rows,) = self.connection.execute("SELECT count(*) FROM passages").fetchone()

    def _vector(self, vector: np.ndarray):
        from pgvector import HalfVector

        return HalfVector(vector) if self.type == "halfvec" else vector


def embedding_text(heading: str, text: str) -> str:
    """Return the text of a passage that is embedded."""
    return f"{heading}\n{text}"


def passage_digest(heading: str, text: str) -> str:
    """Return a SHA-256 of a passage, which changes with its text."""
    return hashlib.sha256(embedding_text(heading, text).encode()).hexdigest()
