"""Collect a table's rows on disk, in any order, and write them in the order of their key."""

import json
import sqlite3
from collections.abc import Iterable, Iterator

import polars as pl

from parts.project.files import replacing
from schemas.table import BadTable, Table

GROUP, LARGEST = 5_000, 8_000_000
"""Rows, and characters of them, that are checked and written together: no more are ever in memory."""


class Spool:
    """Rows of `table`, whose key is one column, in a database without a name: SQLite keeps it on disk and deletes it."""

    def __init__(self, table: type[Table]):
        self.table, (self.key,) = table, table._key
        self.db = sqlite3.connect("")
        self.db.execute("CREATE TABLE rows (key TEXT PRIMARY KEY, row TEXT) WITHOUT ROWID")

    def add(self, rows: Iterable[dict]) -> None:
        """Add `rows`. Raises BadTable for two with the same key."""
        try:
            self.db.executemany("INSERT INTO rows VALUES (?, ?)", [(row[self.key], json.dumps(row)) for row in rows])
        except sqlite3.IntegrityError as error:
            raise BadTable(f"{self.table.__name__} has two rows with the same {self.key}") from error

    def clear(self) -> None:
        """Remove all rows."""
        self.db.execute("DELETE FROM rows")

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in the order of their key, up to GROUP and LARGEST at a time; one empty frame when there are none."""
        group, size = [], 0
        for (row,) in self.db.execute("SELECT row FROM rows ORDER BY key"):
            if group and (len(group) == GROUP or size + len(row) > LARGEST):
                yield self.table.frame(group)
                group, size = [], 0
            group.append(json.loads(row))
            size += len(row)
        yield self.table.frame(group)

    def write(self, name: str = "") -> None:
        """Check and write the rows to the table's address, all or nothing: the same rows are the same bytes.

        Raises BadTable, OSError.
        """
        from pyarrow import parquet

        to = self.table.address(name)
        groups = (self.table.check(frame, to).to_arrow(compat_level=pl.CompatLevel.oldest()) for frame in self.frames())
        first = next(groups)
        with (
            replacing(to) as partial,
            partial.open("wb") as file,
            parquet.ParquetWriter(file, first.schema, compression="zstd") as writer,
        ):
            writer.write_table(first)
            for group in groups:
                writer.write_table(group)
