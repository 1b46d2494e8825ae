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

    Raises UserError, with the line, for what is no JSON object, and OSError.
    """
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                where = f"{path}, line {number}"
                yield Line(number, where, _parse(text.rstrip("\n"), where))


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not a JSON object: {error.msg} at character {error.pos}") from error
    if not isinstance(row, dict):
        raise UserError(f"{where}: not a JSON object: {text[:40]}")
    return row
