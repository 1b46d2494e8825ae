"""Mask personal data before it reaches the teacher."""

from collections import Counter

import polars as pl

from parts.project.errors import UserError
from parts.safety import detection
from parts.safety.detection import Params, Span
from schemas.redacted import Redacted

MAX_LISTED = 10  # documents named in one line


def redact(documents: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> tuple[pl.DataFrame, dict[str, Counter]]:
    """Return the passages as the teacher may see them, and the number of private values by document and kind.

    Whole documents are searched, for a passage may end in the middle of a number. Raises UserError, which names no
    value, for any private value when `params.private` is "refuse".
    """
    texts, of_text, of_heading = _find(documents, chunks, params)
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


def list_values(documents: pl.DataFrame, chunks: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return doc_id, kind, placeholder, value and times: a row for each private value of each document's text.

    The values are as they are first written: this table is for the eyes of who has the documents.
    """
    texts, of_text, _ = _find(documents, chunks, params)
    rows: dict[tuple[str, str, str], list] = {}
    for doc_id, spans in of_text.items():
        for span in spans:
            value = texts[doc_id][span.start : span.end]
            rows.setdefault((doc_id, span.kind, span.placeholder), [value, 0])[1] += 1
    schema = {"doc_id": pl.String, "kind": pl.String, "placeholder": pl.String, "value": pl.String, "times": pl.Int64}
    return pl.DataFrame([(*key, *row) for key, row in rows.items()], schema, orient="row")


def _find(
    documents: pl.DataFrame, chunks: pl.DataFrame, params: Params
) -> tuple[dict[str, str], dict[str, list[Span]], dict[str, list[Span]]]:
    """Return the texts by doc_id, and the private spans of each text and of each heading."""
    text = pl.col("text").str.replace_all("\f", "\n", literal=True)  # as passages have it
    texts = dict(documents.sort("doc_id").select("doc_id", text).rows())
    headings = sorted(set(chunks["heading"]))
    spans = detection.find_spans([*texts.values(), *headings], params)
    return texts, dict(zip(texts, spans, strict=False)), dict(zip(headings, spans[len(texts) :], strict=True))


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
