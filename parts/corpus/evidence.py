"""Find the passages that hold a piece of evidence."""

import polars as pl

from parts.corpus import question_file
from parts.corpus.splitting import _WORD
from schemas.questions import Questions


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Return where the words of `quote` stand in `text`, [start, end), or None.

    Only letters and digits count, so that line breaks, table bars and quotation marks do not hide a match.
    """
    wanted = [word.lower() for word in _WORD.findall(quote)]
    words = [(found[0].lower(), found.start(), found.end()) for found in _WORD.finditer(text)]
    for at in range(len(words) - len(wanted) + 1 if wanted else 0):
        if all(words[at + step][0] == word for step, word in enumerate(wanted)):
            return words[at][1], words[at + len(wanted) - 1][2]
    return None


def build_exam(
    asked: list[question_file.Question], documents: pl.DataFrame, chunks: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """Return the exam with the passages that hold each piece of evidence, and how many pieces were found nowhere."""
    texts = dict(documents.select("doc_id", "text").rows())
    held = {doc_id: part.sort("start").to_dicts() for (doc_id,), part in chunks.group_by("doc_id")}
    rows, lost = [], 0
    for question in asked:
        gold = [_holding(piece, texts, held) for piece in question.evidence]
        lost += sum(not found for found in gold)
        gold = [found for found in gold if found]
        studied = {chunk["doc_id"] for found in gold for chunk in found}
        row = {
            name: getattr(question, name)
            for name in ("question_id", "kind", "question", "options", "reference", "answerable")
        }
        row["doc_id"] = studied.pop() if len(studied) == 1 else None
        rows.append(row | {"gold_chunk_ids": [[chunk["chunk_id"] for chunk in found] for found in gold]})
    return Questions.frame(rows), lost


def _holding(piece: question_file.Evidence, texts: dict[str, str], held: dict[str, list[dict]]) -> list[dict]:
    """Return the passages that hold `piece`: those of the cited page, or those the quotation runs over."""
    chunks = held.get(piece.file, [])
    if piece.quote is None:
        return [chunk for chunk in chunks if chunk["page"] == piece.page]
    found = locate(piece.quote, texts.get(piece.file, ""))
    return [chunk for chunk in chunks if found and chunk["start"] < found[1] and found[0] < chunk["end"]]
