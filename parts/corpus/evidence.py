"""Find the gold passages of exam questions: those that contain a piece of evidence."""

import re

import polars as pl

from parts.corpus import question_file
from parts.text.words import WORD, folded, words
from schemas.questions import Questions


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Return the first span of `text`, [start, end) in characters, with the words of `quote`; None if there is none.

    Only letters, their marks and digits are compared, so that line breaks, table bars and quotation marks do not prevent a
    match. `text` is in Unicode's NFC, as documents are.
    """
    wanted = words(quote)
    spans = [(folded(match[0]), match.start(), match.end()) for match in WORD.finditer(text)]
    for first in range(len(spans) - len(wanted) + 1 if wanted else 0):
        if all(spans[first + offset][0] == word for offset, word in enumerate(wanted)):
            return spans[first][1], spans[first + len(wanted) - 1][2]
    return None


def _page_span(text: str, page: int) -> tuple[int, int] | None:
    """Return the span of a page (from 1) of `text`, [start, end) in characters; None if there is none."""
    feeds = [-1, *(match.start() for match in re.finditer("\f", text)), len(text)]
    return (feeds[page - 1] + 1, feeds[page]) if 0 < page < len(feeds) else None


def build_exam(
    questions: list[question_file.Question], documents: pl.DataFrame, chunks: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """Return Questions with the gold passages of each piece of evidence, and the number of pieces in no passage."""
    texts = dict(documents.select("doc_id", "text").rows())
    by_document = {doc_id: part.sort("start").to_dicts() for (doc_id,), part in chunks.group_by("doc_id")}
    rows, n_missing = [], 0
    for question in questions:
        pieces = [_gold_passages(piece, texts, by_document) for piece in question.evidence]
        gold = [passages for passages in pieces if passages]
        n_missing += len(pieces) - len(gold)
        doc_ids = {chunk["doc_id"] for passages in gold for chunk in passages}
        row = {
            name: getattr(question, name)
            for name in ("question_id", "kind", "question", "options", "references", "answerable")
        }
        row["doc_id"] = doc_ids.pop() if len(doc_ids) == 1 else None
        rows.append(row | {"gold_chunk_ids": [[chunk["chunk_id"] for chunk in passages] for passages in gold]})
    return Questions.frame(rows), n_missing


def _gold_passages(
    piece: question_file.Evidence, texts: dict[str, str], by_document: dict[str, list[dict]]
) -> list[dict]:
    """Return the passages that overlap the cited page, or the quotation."""
    chunks, text = by_document.get(piece.file, []), texts.get(piece.file, "")
    span = _page_span(text, piece.page) if piece.quote is None else locate(piece.quote, text)
    return [chunk for chunk in chunks if span and chunk["start"] < span[1] and span[0] < chunk["end"]]
