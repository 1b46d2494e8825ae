"""Where training rows came from: each document as a strip of its passages."""

from typing import NamedTuple

import polars as pl

MAX_STRIPS = 60  # the least covered documents


class Strip(NamedTuple):
    """A document: which parts of its length are passages with training rows, and which without."""

    doc_id: str
    percent: float  # of the characters in passages, those in passages with rows
    spans: list[tuple[int, int, bool]]  # start and width in thousandths of the document, and whether it has rows
    bare: list[dict]  # the passages without rows: start, end, heading, why


class Coverage(NamedTuple):
    """Documents with passages without rows, the least covered first and at most MAX_STRIPS of them, and totals."""

    strips: list[Strip]
    gaps: int  # documents with passages without rows
    documents: int
    passages: int
    bare: int  # passages without rows
    percent: float  # of the characters in passages, those in passages with rows


def coverage(chunks: pl.DataFrame, bare: pl.DataFrame) -> Coverage:
    """Return the coverage of `chunks` (Chunks); `bare`: what queries/coverage.sql returns for them."""
    reasons = bare.select("start", "why", doc_id="document")
    passages = chunks.join(reasons, ["doc_id", "start"], how="left").with_columns(
        length=pl.col("end") - pl.col("start")
    )
    documents = passages.sort("doc_id", "start").group_by("doc_id", maintain_order=True)
    strips = [_strip(doc_id, document) for (doc_id,), document in documents]
    gaps = sorted((strip for strip in strips if strip.bare), key=lambda strip: strip.percent)
    return Coverage(gaps[:MAX_STRIPS], len(gaps), len(strips), len(chunks), len(bare), _percent(passages))


def _strip(doc_id: str, passages: pl.DataFrame) -> Strip:
    scale = 1000 / passages["end"].max()
    spans = [
        (round(row["start"] * scale), max(1, round(row["length"] * scale)), row["why"] is None)
        for row in passages.iter_rows(named=True)
    ]
    bare = passages.filter(pl.col("why").is_not_null()).select("start", "end", "heading", "why").to_dicts()
    return Strip(doc_id, _percent(passages), spans, bare)


def _percent(passages: pl.DataFrame) -> float:
    """Return the share of the characters in passages that have rows, in percent."""
    return 100 * passages.filter(pl.col("why").is_null())["length"].sum() / passages["length"].sum()
