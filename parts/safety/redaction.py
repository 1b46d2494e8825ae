"""Take out of passages what no teacher may see."""

from collections import Counter

import polars as pl

from parts.safety import detection
from parts.safety.detection import Params
from schemas.errors import UserError
from schemas.redacted import Redacted

MAX_LISTED = 10  # documents named in one line


def redact(documents: pl.DataFrame, chunks: pl.DataFrame, given: Params) -> tuple[pl.DataFrame, dict[str, Counter]]:
    """Return the passages as a teacher may see them, and how many values of which kind each document with any has.

    Whole documents are looked through, for a passage may end in the middle of a number. Raises Mistake, which tells no
    value, when something is private and `given` refuses that.
    """
    texts = dict(documents.sort("doc_id").select("doc_id", "text").rows())
    headings = sorted(set(chunks["heading"]))
    found = detection.find_spans([*texts.values(), *headings], given)
    of_text, of_heading = dict(zip(texts, found, strict=False)), dict(zip(headings, found[len(texts) :], strict=True))
    held = {doc_id: {(span.kind, span.stand_in) for span in spans} for doc_id, spans in of_text.items()}
    for doc_id, heading in chunks.select("doc_id", "heading").unique().rows():
        held[doc_id] |= {(span.kind, span.stand_in) for span in of_heading[heading]}
    counts = {doc_id: Counter(kind for kind, _ in values) for doc_id, values in held.items() if values}
    if given.private == "refuse" and counts:
        raise UserError(_refusal(counts))
    if given.private == "count":
        return chunks, counts
    rows = chunks.to_dicts()
    for row in rows:
        row["text"] = detection.replace_spans(texts[row["doc_id"]], of_text[row["doc_id"]], row["start"], row["end"])
        row["heading"] = detection.replace_spans(row["heading"], of_heading[row["heading"]])
    return Redacted.frame(rows), counts


def _refusal(counts: dict[str, Counter]) -> str:
    told = [f"{doc_id} ({describe_counts(count)})" for doc_id, count in counts.items()]
    more = f"; and {len(told) - MAX_LISTED} more documents" if len(told) > MAX_LISTED else ""
    return (
        f"private: {describe_counts(sum(counts.values(), Counter()))}, in {'; '.join(told[:MAX_LISTED])}{more}: "
        "take them out, or set redact.private in params.yaml to mask or count; nothing was sent"
    )


def describe_counts(count: Counter) -> str:
    """Return how many values of which kind, in words."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(count.items()))
