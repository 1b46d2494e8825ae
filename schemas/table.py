"""The base class of tables: an address, a grain, checked columns; read and written with their checks.

The same rows are the same bytes: a table is validated, sorted by its key, written beside its address and renamed.
"""

import io
from pathlib import Path

import pandera.polars as pa
import polars as pl

from parts.project.errors import UserError
from parts.project.files import replacing
from parts.project.pipeline import maker


class BadTable(UserError):
    """A table that breaks its contract: the message names columns and checks, and a few of the values."""


class Table(pa.DataFrameModel):
    """A table's contract. Subclasses state their grain in the first line of their docstring."""

    class Config:
        strict = True

    def __init_subclass__(cls, path: str = "", key: tuple[str, ...] = (), **kwargs) -> None:
        """Take the address from the repository's root ({} stands for a name), and the columns that name and order rows."""
        cls._path, cls._key = path, key
        super().__init_subclass__(**kwargs)

    @classmethod
    def frame(cls, rows: list[dict]) -> pl.DataFrame:
        """Return `rows` as a frame with this table's columns and types."""
        return pl.DataFrame(rows, schema=cls.types(), orient="row")

    @classmethod
    def types(cls) -> dict[str, pl.DataType]:
        """Return the Polars type of each column."""
        return {name: column.dtype.type for name, column in cls.to_schema().columns.items()}

    @classmethod
    def address(cls, name: str = "") -> Path:
        """Return where the table lives; `name` fills the {} of its path."""
        return Path(cls._path.format(name))

    @classmethod
    def read(cls, name: str = "") -> pl.DataFrame:
        """Return the table from its address, checked. Raises BadTable."""
        where = cls.address(name)
        if not where.exists():
            raise BadTable(f"{where} is not there yet: `{f'dvc repro {maker(where)}'.strip()}` makes it")
        return cls.check(pl.read_parquet(where), where)

    @classmethod
    def write(cls, rows: pl.DataFrame, name: str = "") -> None:
        """Check, sort and write `rows` to the table's address, all or nothing. Raises BadTable, OSError."""
        to = cls.address(name)
        buffer = io.BytesIO()  # written by Python, whose errors tell a full disk from others
        cls.check(rows, to).sort(cls._key).write_parquet(buffer)
        with replacing(to) as partial:
            partial.write_bytes(buffer.getbuffer())

    @classmethod
    def check(cls, rows: pl.DataFrame, where: Path) -> pl.DataFrame:
        """Return `rows`. Raises BadTable when they break the contract."""
        try:
            rows = cls.validate(rows, lazy=True)
        except pa.errors.SchemaErrors as error:
            cases = error.failure_cases.select("column", "check", "failure_case").head(3).rows()
            failures = "; ".join(f"{column}: {check} ({case})" for column, check, case in cases)
            raise BadTable(f"{where} does not keep the contract of {cls.__name__}: {failures}") from error
        if rows.select(cls._key).is_duplicated().any():
            raise BadTable(f"{where} has two rows with the same {', '.join(cls._key)}")
        return rows
