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
    joined = contexts.join(chunks, "chunk_id", validate="m:1").sort("question_id", "rank")
    shown = joined.unique(["question_id", "heading", "text"], keep="first", maintain_order=True)
    parts = shown.group_by("question_id", maintain_order=True).head(most).group_by("question_id", maintain_order=True)
    return {question_id: part.select("heading", "text").rows() for (question_id,), part in parts}
