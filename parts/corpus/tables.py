"""Find the tables of Markdown, so that a piece of one keeps the names of its columns."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

MOST = 300
"""Characters of a header row; a spreadsheet's may have hundreds of columns, and each piece of the table repeats it."""

_RULE = frozenset("|-: \t")


class TableBody(NamedTuple):
    """The rows of a table below its header row: their span in the text, [start, end) in characters, and that row's cells."""

    start: int
    end: int
    header: str


def table_bodies(text: str) -> Iterator[TableBody]:
    """Yield the bodies of the tables of `text`, in order; `header` has the cells that are not empty, parted by " | "."""
    start, above, body = 0, "", None
    for line in re.split(r"(?<=[\n\f])", text):
        row = line.strip()
        if body and "|" not in row:
            yield TableBody(body[0], start, body[1])
            body = None
        elif not body and "|" in above and "-" in row and "|" in row and _RULE.issuperset(row):
            body = (start, _cells(above))
        start += len(line)
        above = "" if line.endswith("\f") else row
    if body:
        yield TableBody(body[0], start, body[1])


def header_above(text: str) -> Callable[[int], str]:
    """Return a function from a position in `text` to the header row of the table whose rows it is in; "" where in none."""
    bodies = list(table_bodies(text))
    starts = [body.start for body in bodies]

    def header(position: int) -> str:
        place = bisect_right(starts, position) - 1
        return bodies[place].header if place >= 0 and position < bodies[place].end else ""

    return header


def _cells(row: str) -> str:
    cells = " | ".join(filter(None, map(str.strip, row[: 2 * MOST].split("|"))))
    return cells if len(cells) <= MOST else cells[:MOST].rpartition(" | ")[0]
