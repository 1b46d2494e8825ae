"""The tables of the passages of one corpus in Postgres: made, filled and indexed."""

import hashlib
import inspect
from collections.abc import Iterable, Sequence

import numpy as np

from parts.project.queries import query
from parts.retrieval import full_text

LEAST, USUAL = 64 * 1024, 1024 * 1024
"""maintenance_work_mem for building an index, in kB: at least, and at most where the server is set to less."""

WIDEST = {"vector": 2000, "halfvec": 4000}
"""The most numbers of a vector that an HNSW index takes, by its type (pgvector)."""


TABLES = ("passages", "passage_words", "lexemes", "vectors", "token_vectors")


class PassageTables:
    """The tables in `schema`, for vectors of `width` numbers; `params` is RetrieveParams."""

    def __init__(self, connection, schema: str, params, width: int):
        self.connection, self.schema, self.params, self.width = connection, schema, params, width
        self.type = "halfvec" if params.half_precision or width > WIDEST["vector"] else "vector"
        self.is_too_wide = width > WIDEST[self.type]

    def create(self) -> None:
        """Create the tables; recreate them if they were made with another model, precision or definition."""
        from psycopg import sql

        definition = query("passages_table")
        version = hashlib.sha256((definition + inspect.getsource(full_text)).encode()).hexdigest()[:8]
        fingerprint = f"{self.params.embedder} {self.type}({self.width}) {version}"
        comment = (
            "SELECT obj_description(pg_class.oid, 'pg_class') FROM pg_class JOIN pg_namespace ON relnamespace = "
            "pg_namespace.oid WHERE relname = 'passages' AND nspname = %s"
        )
        if self.connection.execute(comment, (self.schema,)).fetchone() == (fingerprint,):
            return
        drop = sql.SQL("DROP TABLE IF EXISTS " + ", ".join(f"{{schema}}.{name}" for name in TABLES))
        self.connection.execute(drop.format(schema=sql.Identifier(self.schema)))
        vectors = sql.SQL(self.type + "({})").format(sql.Literal(self.width))
        self.connection.execute(sql.SQL(definition).format(vectors=vectors, fingerprint=sql.Literal(fingerprint)))

    def delete(self, ids: Sequence[str]) -> None:
        """Delete passages."""
        self._count_words(-1, ids)
        self.connection.execute("DELETE FROM passages WHERE chunk_id = ANY(%s)", (ids,))
        self.connection.execute("DELETE FROM passage_words WHERE chunk_id = ANY(%s)", (ids,))

    def insert(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Insert passages (chunk_id, sha256, language, heading, text), whose vectors are in the table of them; empty that."""
        columns = ("chunk_id", "sha256", "language", "heading", "text", "opened_heading", "opened_text")
        self.connection.execute(f"CREATE TEMP TABLE fresh ({' text, '.join(columns)} text) ON COMMIT DROP")
        opened = ((*row, *map(full_text.opened, row[-2:])) for row in rows)
        self.copy("fresh", ["text"] * len(columns), opened)
        self.connection.execute(
            "INSERT INTO passages SELECT chunk_id, sha256, language::regconfig, heading, text, embedding "
            "FROM fresh JOIN vectors USING (sha256)"
        )
        self.connection.execute(
            "INSERT INTO passage_words SELECT chunk_id, language::regconfig, "
            "setweight(to_tsvector(language::regconfig, opened_heading), 'A') || "
            "setweight(to_tsvector(language::regconfig, opened_text), 'D') FROM fresh"
        )
        self._count_words(1, [chunk_id for chunk_id, *_ in rows])
        self.connection.execute("DELETE FROM vectors")

    def _count_words(self, sign: int, ids: Sequence[str]) -> None:
        """Add the words of passages to the counts of lexemes (`sign` 1), or take them off (-1)."""
        languages = [
            name for (name,) in self.connection.execute("SELECT DISTINCT language::text FROM passages").fetchall()
        ]
        values = {"sign": sign, "ids": list(ids), "languages": languages}
        self.connection.execute(query("count_words"), values)

    def copy(self, table: str, types: list[str], rows: Iterable[tuple]) -> None:
        """Add `rows`, of Postgres's `types`, to `table`."""
        with self.connection.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def set_indices(self, rows: int | None) -> None:
        """Create and drop indices for a table of `rows` passages; None: drop all, so that rows load faster."""
        params, existing = (
            self.params,
            "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexname LIKE 'by%%'",
        )
        wanted = {} if rows is None else {"by_words": "passage_words USING gin (words)"}
        if rows is not None and rows >= params.exact_below and not self.is_too_wide:
            options = f"WITH (m = {params.m}, ef_construction = {params.ef_construction})"
            wanted[f"by_meaning_{params.m}_{params.ef_construction}"] = (
                f"passages USING hnsw (embedding {self.type}_cosine_ops) {options}"
            )
        names = {name for (name,) in self.connection.execute(existing, (self.schema,)).fetchall()}
        for name in names - set(wanted):
            self.connection.execute(f"DROP INDEX {name}")
        for name in set(wanted) - names:
            self._build(f"CREATE INDEX {name} ON {wanted[name]}", rows)

    def _build(self, statement: str, rows: int) -> None:
        """Build an index over `rows` passages: in memory, for a graph that does not fit takes many times as long.

        Several processes build it in shared memory, of which a container may have too little (Docker gives 64 MB): then one does.
        """
        from psycopg.errors import DiskFull

        memory = "SELECT set_config('maintenance_work_mem', least(%s, greatest(%s, setting::bigint))::text, true) "
        memory += "FROM pg_settings WHERE name = 'maintenance_work_mem'"
        self.connection.execute(memory, (max(LEAST, self._graph_size(rows)), USUAL))
        try:
            with self.connection.transaction():
                self.connection.execute(statement)
        except DiskFull as error:
            if "shared memory" not in str(error):
                raise
            self.connection.execute("SET LOCAL max_parallel_maintenance_workers = 0")
            self.connection.execute(statement)

    def _graph_size(self, rows: int) -> int:
        """Return the kB that an HNSW graph of `rows` vectors takes while it is built, and a quarter more.

        pgvector holds each vector, 16 bytes for each of 2 m neighbours on the lowest level (m on those above), and its own.
        """
        vector = self.width * (2 if self.type == "halfvec" else 4)
        return rows * (vector + 16 * 3 * self.params.m + 256) * 5 // 4 // 1024

    def vector(self, vector: np.ndarray):
        """Return `vector` as a value of the tables' type."""
        from pgvector import HalfVector

        return HalfVector(vector) if self.type == "halfvec" else vector
