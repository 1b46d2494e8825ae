"""Read an Excel workbook: a page a sheet, each block of cells a table."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import groupby
from zipfile import BadZipFile

from parts.corpus.unreadable import Unreadable
from parts.text.markdown import table

Row = tuple[str, ...]


def read(data: bytes) -> tuple[str, str]:
    """Return the title of its properties and the sheets, joined by form feeds. Raises Unreadable where it cannot be opened."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [(sheet.title, list(_rows(sheet))) for sheet in book.worksheets if sheet.sheet_state == "visible"]
    except (BadZipFile, KeyError, ValueError, AttributeError, IndexError, TypeError, SyntaxError) as error:
        raise Unreadable("broken", "is an XLSX file that cannot be read") from error
    return book.properties.title or "", "\n\f".join(_page(name, rows) for name, rows in sheets if any(map(any, rows)))


def _rows(sheet) -> Iterator[Row]:
    sheet.reset_dimensions()  # what a sheet says of its width may be a million times wider than its cells
    for row in sheet.iter_rows(values_only=True):
        yield tuple(map(_text, row))


def _page(name: str, rows: list[Row]) -> str:
    """Return a sheet as its name and a table for each block of rows that an empty row ends."""
    blocks = [list(block) for is_filled, block in groupby(rows, any) if is_filled]
    return "\n\n".join([f"## {name}", *map(_table, blocks)])


def _table(rows: list[Row]) -> str:
    columns = [
        number for number in range(max(map(len, rows))) if any(number < len(row) and row[number] for row in rows)
    ]
    cells = [[row[number] if number < len(row) else "" for number in columns] for row in rows]
    return table(cells[0], cells[1:]) if len(cells) > 1 else " ".join(cells[0])


def _text(value: object) -> str:
    """Return a cell as people see it: whole numbers without a point, dates without an hour that is none."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value)
    return str(value) if isinstance(value, date | time | int | float) else " ".join(str(value).split())
