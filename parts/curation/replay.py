"""Replay rows of general text in training, so that a student keeps the abilities it had."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from parts.text.jsonl import read_lines
from schemas.pairs import Pairs


def rows(path: Path, tokens: float, count: Callable[[list[str]], list[int]]) -> pl.DataFrame:
    """Return rows to replay from `path`, in order, up to `tokens` in all."""
    replayed, used = [], 0
    for number, (_, _, row) in enumerate(read_lines(path)):
        n_tokens = count([row["prompt"] + row["completion"]])[0]
        if (used := used + n_tokens) > tokens:
            break
        defaults = {
            "pair_id": f"replay-{number:06}",
            "chunk_id": None,
            "doc_id": None,
            "generator": "replay",
            "reasoning": "",
        }
        kind = "qa" if row["prompt"] else "document"
        replayed.append(row | defaults | {"kind": kind, "teacher": "", "split": "train", "n_tokens": n_tokens})
    return Pairs.frame(replayed)
