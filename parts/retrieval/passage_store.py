"""The passages of one corpus as Postgres holds them: made to follow the documents, and searched."""

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from parts.project.queries import query
from parts.retrieval.index import Hits
from schemas.errors import UserError

BUILD_MEMORY = "1GB"
"""The most that building an HNSW index may take; 200,000 x 384 fit."""


class PassageStore:
    """The passages of a schema of their own; one user's edit at a time."""

    def __init__(self, connection, schema: str, given, embed):
        """Make the schema where it is not there yet; `given` is store.Params, `embed` maps texts to unit vectors.

        Raises Mistake when the role may not, or the server does not know the language.
        """
        import psycopg
        from psycopg import sql

        self.connection, self.schema, self.given, self.embed = connection, schema, given, embed
        try:
            with connection.transaction():
                self._alone()
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
                told = (
                    "SELECT set_config('search_path', quote_ident(%s) || ', ' || current_setting('search_path'), false)"
                )
                connection.execute(told, (schema,))
                self._table()
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "the role of CLOSEDBOOK_DSN may not make a schema: let the owner GRANT CREATE ON DATABASE to it"
            ) from error
        except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidName) as error:
            raise UserError(
                f"params.yaml: retrieve.language: Postgres has no text search called {given.language!r}"
            ) from error
        connection.execute(f"SET hnsw.ef_search = {max(given.ef_search, given.depth)}")
        self._fused, self.embedded = query("hybrid_search"), 0
        self._count()

    def hold(self, chunks: pl.DataFrame) -> int:
        """Make the table hold exactly `chunks` and return how many had to be embedded: those that it did not hold.

        The table changes in one transaction, once all vectors are there.
        """
        texts = {row["chunk_id"]: (row["heading"], row["text"]) for row in chunks.iter_rows(named=True)}
        wanted = {chunk_id: passage_digest(*text) for chunk_id, text in texts.items()}
        held = dict(self.connection.execute("SELECT chunk_id, sha256 FROM passages").fetchall())
        new = [chunk_id for chunk_id, sha in wanted.items() if held.get(chunk_id) != sha]
        gone = [chunk_id for chunk_id in held if chunk_id not in wanted]
        vectors = self.embed([embedding_text(*texts[chunk_id]) for chunk_id in new]) if new else []
        loading = 2 * len(new) > len(wanted)
        with self.connection.transaction():
            self._alone()
            if loading:
                self._indices(None)
            self.connection.execute("DELETE FROM passages WHERE chunk_id = ANY(%s)", (new + gone,))
            self._copy([(chunk_id, wanted[chunk_id], *texts[chunk_id]) for chunk_id in new], vectors)
            self._indices(len(wanted))
            if loading:
                self.connection.execute("ANALYZE passages")
        self._count()
        self.embedded = len(new)
        return len(new)

    def nearest(self, vector: np.ndarray, count: int | None = None) -> Hits:
        """Return the `count` (None: depth) passages nearest to `vector` by cosine, with their similarity in -1..1."""
        found = self.connection.execute(
            "SELECT chunk_id, 1 - (embedding <=> %(v)s) FROM passages ORDER BY embedding <=> %(v)s, chunk_id LIMIT %(n)s",
            {"v": self._vector(vector), "n": count or self.given.depth},
        )
        return found.fetchall()

    def exactly(self, vector: np.ndarray, count: int) -> Hits:
        """Return what `nearest` would, had it looked at every passage."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL enable_indexscan = off")
            return self.nearest(vector, count)

    def fused(self, question: str, vector: np.ndarray, weight: float) -> Hits:
        """Return the passages nearest to `question`, its words counting `weight` (0..1) and its `vector` the rest."""
        asked = {"question": question, "vector": self._vector(vector), "weight": weight, "rows": self.rows}
        asked |= {"depth": self.given.depth, "rrf": self.given.rrf, "language": self.given.language}
        return self.connection.execute(self._fused, asked).fetchall()

    def manifest(self) -> dict[str, int | str]:
        """Return what is held: rows, their width, the model of their vectors, and one hash of their ids and texts."""
        rows = self.connection.execute("SELECT chunk_id, sha256 FROM passages ORDER BY chunk_id").fetchall()
        found = hashlib.sha256("\n".join(map("\t".join, rows)).encode()).hexdigest()
        return {"rows": len(rows), "width": self.embed.width, "embedder": self.given.embedder, "sha256": found}

    def _alone(self) -> None:
        """Keep others from changing this schema until the transaction ends."""
        self.connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self.schema,))

    def _table(self) -> None:
        """Make the table, anew when the one there was made with another model, precision or language."""
        from psycopg import sql

        kind = "halfvec" if self.given.half_precision else "vector"
        made = f"{self.given.embedder} {kind}({self.embed.width}) {self.given.language}"
        there = (
            "SELECT obj_description(pg_class.oid, 'pg_class') FROM pg_class JOIN pg_namespace ON relnamespace = "
            "pg_namespace.oid WHERE relname = 'passages' AND nspname = %s"
        )
        if self.connection.execute(there, (self.schema,)).fetchone() == (made,):
            return
        self.connection.execute(sql.SQL("DROP TABLE IF EXISTS {}.passages").format(sql.Identifier(self.schema)))
        knobs = {"language": sql.Literal(self.given.language), "fingerprint": sql.Literal(made)}
        vectors = sql.SQL(kind + "({})").format(sql.Literal(self.embed.width))
        self.connection.execute(sql.SQL(query("passages_table")).format(**knobs, vectors=vectors))

    def _copy(self, rows: Sequence[tuple[str, ...]], vectors: Sequence[np.ndarray]) -> None:
        statement = "COPY passages (chunk_id, sha256, heading, text, embedding) FROM STDIN WITH (FORMAT BINARY)"
        with self.connection.cursor().copy(statement) as copy:
            copy.set_types(["text"] * 4 + ["halfvec" if self.given.half_precision else "vector"])
            for row, vector in zip(rows, vectors, strict=True):
                copy.write_row((*row, self._vector(vector)))

    def _indices(self, rows: int | None) -> None:
        """Have the indices that `rows` passages want; None: none of them, to load faster."""
        given, there = self.given, "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexname LIKE 'by%%'"
        kind = "halfvec" if given.half_precision else "vector"
        wanted = {} if rows is None else {"by_words": "gin (words)"}
        if rows is not None and rows >= given.exact_below:
            knobs = f"WITH (m = {given.m}, ef_construction = {given.ef_construction})"
            wanted[f"by_meaning_{given.m}_{given.ef_construction}"] = f"hnsw (embedding {kind}_cosine_ops) {knobs}"
        held = {name for (name,) in self.connection.execute(there, (self.schema,)).fetchall()}
        for name in held - set(wanted):
            self.connection.execute(f"DROP INDEX {name}")
        self.connection.execute(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'")
        for name in set(wanted) - held:
            self.connection.execute(f"CREATE INDEX {name} ON passages USING {wanted[name]}")

    def _count(self) -> None:
        (self.rows,) = self.connection.execute("SELECT count(*) FROM passages").fetchone()

    def _vector(self, vector: np.ndarray):
        from pgvector import HalfVector

        return HalfVector(vector) if self.given.half_precision else vector


def embedding_text(heading: str, text: str) -> str:
    """Return a passage as it is embedded."""
    return f"{heading}\n{text}"


def passage_digest(heading: str, text: str) -> str:
    """Return the hash by which a passage that changed is known."""
    return hashlib.sha256(embedding_text(heading, text).encode()).hexdigest()
