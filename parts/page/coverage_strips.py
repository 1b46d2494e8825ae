"""Where training rows came from: each document as a strip of its passages."""

from typing import NamedTuple

import polars as pl

MOST = 60  # documents shown, the least covered ones


class Strip(NamedTuple):
    """A document: which shares of its length, in thousandths, hold passages with rows and without."""

    doc_id: str
    percent: float  # of the characters in passages that have rows
    spans: list[tuple[int, int, bool]]  # start and width in thousandths, and whether rows came from there
    bare: list[dict]  # the passages without: start, end, heading, why


class Coverage(NamedTuple):
    """The documents with passages without rows, the least covered first and at most MOST of them, and the sums."""

    strips: list[Strip]
    gaps: int  # documents with passages without rows
    documents: int
    passages: int
    bare: int  # passages without rows
    percent: float  # of all characters in passages


def coverage(chunks: pl.DataFrame, bare: pl.DataFrame) -> Coverage:
    """Return what no row came from; `bare` is what queries/coverage.sql makes of the chunks."""
    reasons = bare.select("start", "why", doc_id="document")
    marked = chunks.join(reasons, ["doc_id", "start"], how="left").with_columns(length=pl.col("end") - pl.col("start"))
    parts = marked.sort("doc_id", "start").group_by("doc_id", maintain_order=True)
    strips = [_strip(doc_id, part) for (doc_id,), part in parts]
    gaps = sorted((strip for strip in strips if strip.bare), key=lambda strip: strip.percent)
    return Coverage(gaps[:MOST], len(gaps), len(strips), len(chunks), len(bare), _percent(marked))


def _strip(doc_id: str, part: pl.DataFrame) -> Strip:
    scale = 1000 / part["end"].max()
    spans = [
        (round(row["start"] * scale), max(1, round(row["length"] * scale)), row["why"] is None)
        for row in part.iter_rows(named=True)
    ]
    bare = part.filter(pl.col("why").is_not_null()).select("start", "end", "heading", "why").to_dicts()
    return Strip(doc_id, _percent(part), spans, bare)


def _percent(marked: pl.DataFrame) -> float:
    """Return the share of the characters in passages that have rows, in percent."""
    return 100 * marked.filter(pl.col("why").is_null())["length"].sum() / marked["length"].sum()
