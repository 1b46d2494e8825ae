"""Replay rows of general text in training, so that a student keeps the abilities it had."""

from pathlib import Path

import polars as pl

from parts.project.errors import UserError
from parts.student.dataset import Count, trained_tokens
from parts.text.jsonl import Line, read_lines
from schemas.pairs import Pairs


def rows(path: Path, tokens: float, count: Count) -> pl.DataFrame:
    """Return rows to replay from `path`, in order, until they have `tokens` in all; every row where the file has fewer.

    Raises UserError, with the line, for one without a text under `prompt` (empty: a document) or `completion`.
    """
    replayed, used = [], 0
    for number, line in enumerate(read_lines(path)):
        if used >= tokens:
            break
        row = _row(line, f"replay-{number:06}")
        (row["n_tokens"],) = trained_tokens([row], count)
        used += row["n_tokens"]
        replayed.append(row)
    return Pairs.frame(replayed)


def _row(line: Line, pair_id: str) -> dict:
    prompt, completion = line.row.get("prompt"), line.row.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str) or not completion:
        raise UserError(f'{line.where}: a row to replay is {{"prompt": a text, or "", "completion": a text}}')
    kind = "qa" if prompt else "document"
    row = {"pair_id": pair_id, "chunk_id": None, "doc_id": None, "other_chunk_ids": [], "generator": "replay"}
    row |= {"kind": kind, "answerable": True, "prompt": prompt, "reasoning": "", "completion": completion}
    return row | {"teacher": "", "split": "train"}
