"""Take question-answer pairs that people wrote, such as an FAQ or a help desk's export, as raw training rows.

No teacher is asked. The passage that a pair is about is the one nearest in words, so that the pair is curated, held out
and counted like any other row of that passage.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from parts.project.errors import UserError
from parts.project.queries import query, select
from parts.safety import detection
from parts.text.jsonl import read_lines
from schemas.pairs import PEOPLE, PeoplePairs


class Pair(NamedTuple):
    """A question and its answer, and where they stand in their file: "PATH, line NUMBER"."""

    where: str
    question: str
    answer: str


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of `path`, a CSV file with a header (.csv) or JSONL: `question` and `answer`; others are ignored.

    Raises UserError, with the line, for a line without both, and for a file that is not there, or not in UTF-8.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}: correct rows.path in params.yaml (data/none.jsonl: no pairs)")
    data = path.read_bytes()
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8: save the file in UTF-8") from error
    lines = _csv_lines(path) if path.suffix.lower() == ".csv" else ((where, row) for _, where, row in read_lines(path))
    return [Pair(where, _text(row, "question", where), _text(row, "answer", where)) for where, row in lines]


def _csv_lines(path: Path) -> Iterator[tuple[str, dict]]:
    """Yield each record with its line, the last one where it spans several."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                yield f"{path}, line {reader.line_num}", row
        except csv.Error as error:
            raise UserError(f"{path}, line {reader.line_num}: not CSV: {error}") from error


def _text(row: dict, key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: the field '{key}' is missing or empty")
    return value.strip()


def mask_pairs(pairs: Sequence[Pair], documents: Sequence[str], params: detection.Params) -> list[Pair]:
    """Return `pairs` with placeholders for private values, also for those that are private in the texts of `documents`.

    Raises UserError, with the line and without the value, for any when `params.private` is "refuse".
    """
    if not pairs:
        return []
    texts = [text for pair in pairs for text in pair[1:]]
    masked = detection.masker(params)([*documents, *texts])[len(documents) :]
    safe = [Pair(pair.where, *masked[2 * n : 2 * n + 2]) for n, pair in enumerate(pairs)]
    private = [pair.where for pair, own in zip(safe, pairs, strict=True) if pair != own]
    if private and params.private == "refuse":
        raise UserError(
            f"{private[0]}: a private value; pairs with any: {len(private)}: take them out, or set redact.private in "
            "params.yaml to mask or count; nothing was sent"
        )
    return safe


def raw_rows(pairs: Sequence[Pair], masked: Sequence[Pair], chunks: pl.DataFrame, similarity: float) -> pl.DataFrame:
    """Return PeoplePairs, one row per pair, as it is in `masked`: by mask_pairs.

    A pair is dropped if it has a private value, and if no passage of `chunks` has the share `similarity` (0..1) of its
    words, rare ones counting more.
    """
    if not pairs:
        return PeoplePairs.frame([])
    rows = [(*pair[1:], pair != own) for pair, own in zip(masked, pairs, strict=True)]
    table = pl.DataFrame(rows, ["prompt", "completion", "private"], orient="row").with_columns(
        pair_id=_pair_ids(masked)
    )
    by_pair = table.select("pair_id", question="prompt", answer="completion")
    table = table.join(select(query("nearest_passages"), pairs=by_pair, chunks=chunks), "pair_id", validate="1:1")
    return table.select(
        "pair_id", "chunk_id", "doc_id", "prompt", "completion", other_chunk_ids=pl.lit([], pl.List(pl.String)),
        generator=pl.lit("rows"), kind=pl.lit("qa"), answerable=pl.lit(True), reasoning=pl.lit(""), teacher=pl.lit(PEOPLE),
        dropped=pl.when("private").then(pl.lit("private value"))
        .when(pl.col("similarity") < similarity).then(pl.lit("no passage")),
    ).select(PeoplePairs.types().keys())  # fmt: skip


def _pair_ids(pairs: Sequence[Pair]) -> pl.Series:
    """Return a hash of each pair and of how often it came before: a line more in the file changes no other's."""
    repeats: Counter[tuple[str, str]] = Counter()
    ids = []
    for _, question, answer in pairs:
        repeats[question, answer] += 1
        key = f"rows {question}\n{answer}\n{repeats[question, answer]}"
        ids.append(hashlib.sha256(key.encode()).hexdigest()[:16])
    return pl.Series(ids)
