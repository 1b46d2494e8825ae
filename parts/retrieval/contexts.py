"""The passages that an arm is shown with a question."""

import polars as pl

Passage = tuple[str, str]
"""heading, text"""


def passages_by_id(chunks: pl.DataFrame) -> dict[str, Passage]:
    """Return chunk_id -> passage of Chunks, in their order."""
    rows = chunks.select("chunk_id", "heading", "text").iter_rows()
    return {chunk_id: (heading, text) for chunk_id, heading, text in rows}


def shown_passages(contexts: pl.DataFrame, chunks: pl.DataFrame, most: int) -> dict[str, list[Passage]]:
    """Return the best `most` passages by question id, best first, from Contexts and Chunks: no text twice."""
    shown = ranks_of_texts(contexts, chunks).filter(pl.col("rank") <= most)
    shown = shown.unique(["question_id", "rank"], keep="first", maintain_order=True)
    parts = shown.group_by("question_id", maintain_order=True)
    return {question_id: part.select("heading", "text").rows() for (question_id,), part in parts}


def ranks_of_texts(contexts: pl.DataFrame, chunks: pl.DataFrame) -> pl.DataFrame:
    """Return Contexts with their passages, best first, each with the rank (from 1) of its text among those of the question."""
    joined = contexts.join(chunks, "chunk_id", validate="m:1").sort("question_id", "rank")
    first = pl.col("rank").min().over("question_id", "heading", "text")
    return joined.with_columns(rank=first.rank("dense").over("question_id"))
