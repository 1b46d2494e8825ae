"""Retrieve passages by the retriever of a name: a module of parts/retrieval/retrievers/.

A retriever that searches has `indexed(chunks, params)`, a context manager that yields an Index; one that does not has
`retrieve(questions, chunks, params)`.
"""

import importlib
from types import ModuleType

import polars as pl

from parts.retrieval.postgres import RetrieveParams


def load_retriever(name: str) -> ModuleType:
    """Return the module of the retriever `name`."""
    return importlib.import_module(f"parts.retrieval.retrievers.{name}")


def retrieve(name: str, questions: pl.DataFrame, chunks: pl.DataFrame, params: RetrieveParams) -> pl.DataFrame:
    """Return the Contexts of Questions: the best `params.depth` passages by the retriever `name`.

    Raises UserError if a model or Postgres is not available.
    """
    module = load_retriever(name)
    if not hasattr(module, "indexed"):
        return module.retrieve(questions, chunks, params)
    with module.indexed(chunks, params) as index:
        return index.contexts(questions)
