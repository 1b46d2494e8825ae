"""Take out of passages what no teacher may see."""

from collections import Counter

import polars as pl

from parts.safety import detection
from parts.safety.detection import Params
from schemas.errors import Mistake
from schemas.redacted import Redacted

TOLD = 10  # documents named in one line


def redact(documents: pl.DataFrame, chunks: pl.DataFrame, given: Params) -> tuple[pl.DataFrame, dict[str, Counter]]:
    """Return the passages as a teacher may see them, and how many values of which kind each document with any has.

    Whole documents are looked through, for a passage may end in the middle of a number. Raises Mistake, which tells no
    value, when something is private and `given` refuses that.
    """
    texts = dict(documents.sort("doc_id").select("doc_id", "text").rows())
    headings = sorted(set(chunks["heading"]))
    found = detection.spans([*texts.values(), *headings], given)
    of_text, of_heading = dict(zip(texts, found, strict=False)), dict(zip(headings, found[len(texts) :], strict=True))
    held = {doc_id: {(span.kind, span.stand_in) for span in spans} for doc_id, spans in of_text.items()}
    for doc_id, heading in chunks.select("doc_id", "heading").unique().rows():
        held[doc_id] |= {(span.kind, span.stand_in) for span in of_heading[heading]}
    counts = {doc_id: Counter(kind for kind, _ in values) for doc_id, values in held.items() if values}
    if given.private == "refuse" and counts:
        raise Mistake(_refusal(counts))
    if given.private == "count":
        return chunks, counts
    rows = chunks.to_dicts()
    for row in rows:
        row["text"] = detection.written(texts[row["doc_id"]], of_text[row["doc_id"]], row["start"], row["end"])
        row["heading"] = detection.written(row["heading"], of_heading[row["heading"]])
    return Redacted.frame(rows), counts


def _refusal(counts: dict[str, Counter]) -> str:
    told = [f"{doc_id} ({kinds(count)})" for doc_id, count in counts.items()]
    more = f"; and {len(told) - TOLD} more documents" if len(told) > TOLD else ""
    return (
        f"private: {kinds(sum(counts.values(), Counter()))}, in {'; '.join(told[:TOLD])}{more}: take them out, or set "
        "redact.private in params.yaml to mask or count; nothing was sent"
    )


def kinds(count: Counter) -> str:
    """Return how many values of which kind, in words."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(count.items()))
