"""Read a table of values parted by commas, semicolons or tabs."""

import csv

from parts.corpus.encoding import decode
from parts.corpus.unreadable import Unreadable
from parts.text.markdown import table

_MOST_CELLS = 10_000_000  # every row has as many as the widest


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the table as Markdown. Raises Unreadable where it cannot be read."""
    text = decode(data)
    header = text.lstrip().partition("\n")[0]
    try:
        reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t|", key=header.count))
        rows = [row for row in reader if any(row)]
    except csv.Error as error:
        raise Unreadable("broken", f"is a table that cannot be read: {error}") from error
    width = max(map(len, rows), default=0)
    if width * len(rows) > _MOST_CELLS:
        raise Unreadable("too large", f"has more than {_MOST_CELLS:,} cells: split it")
    cells = [[" ".join(cell.split()) for cell in row] + [""] * (width - len(row)) for row in rows]
    return "", table(cells[0], cells[1:]) + "\n" if cells else ""
