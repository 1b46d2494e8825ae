"""Read JSONL files: one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from parts.project.errors import UserError


class Line(NamedTuple):
    """A line of a JSONL file."""

    number: int  # from 1, blank lines included
    where: str  # "PATH, line NUMBER", for messages
    row: dict[str, Any]


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of `path`, UTF-8 with or without a byte order mark, in order; blank ones are left out.

    Raises UserError, with the line, for what is no JSON object, for bytes that are not UTF-8, and OSError.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise UserError(f"{where}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error
            if text.strip():
                yield Line(number, where, _parse(text.rstrip("\r\n"), where))


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not a JSON object: {error.msg} at character {error.pos}") from error
    if not isinstance(row, dict):
        raise UserError(f"{where}: not a JSON object: {text[:40]}")
    return row
