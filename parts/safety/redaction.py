"""Mask personal data before it reaches the teacher."""

from collections import Counter

import polars as pl

from parts.project.errors import UserError
from parts.safety import detection
from parts.safety.detection import Params
from schemas.redacted import Redacted

MAX_LISTED = 10  # documents named in one line


def redact(documents: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> tuple[pl.DataFrame, dict[str, Counter]]:
    """Return the passages as the teacher may see them, and the number of private values by document and kind.

    Whole documents are searched, for a passage may end in the middle of a number. Raises UserError, which names no
    value, for any private value when `params.private` is "refuse".
    """
    texts = dict(documents.sort("doc_id").select("doc_id", "text").rows())
    headings = sorted(set(chunks["heading"]))
    spans = detection.find_spans([*texts.values(), *headings], params)
    of_text, of_heading = dict(zip(texts, spans, strict=False)), dict(zip(headings, spans[len(texts) :], strict=True))
    values = {doc_id: {(span.kind, span.placeholder) for span in spans} for doc_id, spans in of_text.items()}
    for doc_id, heading in chunks.select("doc_id", "heading").unique().rows():
        values[doc_id] |= {(span.kind, span.placeholder) for span in of_heading[heading]}
    counts = {doc_id: Counter(kind for kind, _ in pairs) for doc_id, pairs in values.items() if pairs}
    if params.private == "refuse" and counts:
        raise UserError(_refusal(counts))
    if params.private == "count":
        return chunks, counts
    rows = chunks.to_dicts()
    for row in rows:
        row["text"] = detection.replace_spans(texts[row["doc_id"]], of_text[row["doc_id"]], row["start"], row["end"])
        row["heading"] = detection.replace_spans(row["heading"], of_heading[row["heading"]])
    return Redacted.frame(rows), counts


def _refusal(counts: dict[str, Counter]) -> str:
    listed = [f"{doc_id} ({describe_counts(count)})" for doc_id, count in counts.items()]
    more = f"; and {len(listed) - MAX_LISTED} more documents" if len(listed) > MAX_LISTED else ""
    return (
        f"private: {describe_counts(sum(counts.values(), Counter()))}, in {'; '.join(listed[:MAX_LISTED])}{more}: "
        "take them out, or set redact.private in params.yaml to mask or count; nothing was sent"
    )


def describe_counts(count: Counter) -> str:
    """Return the counts by kind in a phrase: "2 EMAIL_ADDRESS, 1 PHONE_NUMBER"."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(count.items()))
