"""Connect to Postgres with pgvector, embedded or by CLOSEDBOOK_DSN, and open the passage store of this corpus."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from parts.project import params
from parts.project.errors import UserError
from parts.retrieval import embedded_postgres
from parts.retrieval.embedder import Embedder
from parts.retrieval.passage_store import PassageStore

FOLDER = Path(".cache/postgres")


_FIND_EXTENSION = """
SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(nspname)), false)
FROM pg_extension JOIN pg_namespace ON extnamespace = pg_namespace.oid WHERE extname = 'vector'
"""
"""Add the schema of pgvector to the search path, where an owner may have put it."""


class RetrieveParams(BaseModel, extra="forbid", frozen=True):
    """Section `retrieve` of params.yaml."""

    embedder: str  # a sentence-transformers model, by name or folder
    reranker: str  # a cross-encoder of sentence-transformers, by name or folder
    language: str | None  # configuration of Postgres's text search, for all documents; None: of each, as it is detected
    depth: int = Field(ge=1, le=1000)  # passages retrieved per question; an arm is shown the best of them
    half_precision: bool  # vectors of 16 bits per number instead of 32; those of more than 2,000 numbers have no other
    exact_below: int = Field(ge=0)  # number of passages below which search is exact; from it on by an HNSW index
    m: int = Field(ge=2, le=100)  # of HNSW: neighbours per passage
    ef_construction: int = Field(ge=4, le=1000)  # of HNSW: candidates on insert, twice m at least
    ef_search: int = Field(ge=1, le=1000)  # of HNSW: candidates on search

    @field_validator("ef_construction")
    @classmethod
    def _is_wide_enough(cls, ef_construction: int, others: ValidationInfo) -> int:
        if ef_construction < 2 * others.data.get("m", 0):
            raise ValueError("must be twice m, or more")
        return ef_construction


class _Corpus(BaseModel):
    path: Path


@contextlib.contextmanager
def open_store(chunks: pl.DataFrame, params: RetrieveParams) -> Iterator[PassageStore]:
    """Yield the passage store of this corpus, in sync with `chunks`, which no other process changes meanwhile.

    Raises UserError as `connect` and PassageStore do, if the embedder cannot be loaded, or if the server gives up: its disk
    or shared memory is full, a statement took too long, a passage has more words than it can index.
    """
    import psycopg

    embed = Embedder(params.embedder)
    with connect() as connection:
        try:
            store = PassageStore(connection, schema(), params, embed)
            store.hold(chunks)
            yield store
        except psycopg.OperationalError as error:
            raise UserError(f"Postgres gave up: {str(error).splitlines()[0]}") from error
        except psycopg.InternalError as error:
            raise UserError(
                f"the tables in Postgres are damaged: {str(error).splitlines()[0]}: delete {FOLDER} (or drop schema {schema()}); "
                "the passages are embedded again"
            ) from error


def schema() -> str:
    """Return the name of the Postgres schema of this corpus: one for each project folder and folder of documents.

    It depends on the paths and not on the documents, so that an edited corpus keeps its schema.
    """
    corpus = params.load("ingest", _Corpus).path
    return "closedbook_" + hashlib.sha256(f"{Path.cwd()}\n{corpus}".encode()).hexdigest()[:16]


@contextlib.contextmanager
def connect() -> Iterator["psycopg.Connection"]:  # noqa: F821 - imported where it is used
    """Yield a connection to Postgres with pgvector.

    Raises UserError if CLOSEDBOOK_DSN cannot be used, has no pgvector, or is a pooler that lends one session to several.
    """
    import psycopg
    from pgvector.psycopg import register_vector

    with contextlib.ExitStack() as stack:
        dsn = os.environ.get("CLOSEDBOOK_DSN") or stack.enter_context(embedded_postgres.running(FOLDER))
        try:
            connection = stack.enter_context(psycopg.connect(dsn, autocommit=True, connect_timeout=10))
            with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as other:
                _refuse_shared(connection, other)
            _create_extension(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "the Postgres of CLOSEDBOOK_DSN has no pgvector, and this role may not add it: "
                "let a superuser run CREATE EXTENSION vector in that database"
            ) from error
        except psycopg.Error as error:
            line = str(error).splitlines()[0]
            raise UserError(
                f"the Postgres of CLOSEDBOOK_DSN cannot be used: {line}: correct it, or unset it for the embedded one"
            ) from error
        connection.execute(_FIND_EXTENSION)
        register_vector(connection)
        yield connection


def _create_extension(connection) -> None:
    """Create pgvector where it is missing: by one process at a time, for two that do so at once fail."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('closedbook extension'))")
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _refuse_shared(connection, other) -> None:
    """Raise UserError where two connections are given one session of the server: locks and the search path are a session's."""
    process = "SELECT pg_backend_pid()"
    first, others, last = (each.execute(process).fetchone() for each in (connection, other, connection))
    if others in (first, last) or first != last:
        raise UserError(
            "CLOSEDBOOK_DSN is a pooler that gives a session to several connections, so that projects would read each "
            "other's passages: set pool_mode = session for this database (PgBouncer), or name the server itself"
        )
