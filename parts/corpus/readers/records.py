"""Read JSON, or a JSON object a line: a record a paragraph, a field a line."""

import json
from collections.abc import Iterator

from parts.corpus.encoding import decode
from parts.corpus.unreadable import Unreadable


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the records as text. Raises Unreadable for broken JSON."""
    text = decode(data)
    try:
        values = [json.loads(text)]
    except ValueError:
        values = list(_lines(text))
    records = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return "", "\n\n".join("\n".join(_fields(record)) for record in records) + "\n"


def _lines(text: str) -> Iterator[object]:
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Unreadable("broken", f"is no JSON, nor a JSON object a line (line {number})") from error


def _fields(value: object, name: str = "") -> Iterator[str]:
    """Yield a line for each value below `value`, after the names that lead to it."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _fields(below, f"{name} {key}".strip())
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for each in value:
            yield from _fields(each, name)
    elif value not in (None, "", []):
        text = (
            ", ".join(map(str, value))
            if isinstance(value, list)
            else value
            if isinstance(value, str)
            else json.dumps(value)
        )
        yield f"{name}: {text}" if name else text
