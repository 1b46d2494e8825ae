"""Read the SQL of queries/, and run it on tables."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

FOLDER = Path(__file__).parent.parent.parent / "queries"


def query(name: str) -> str:
    """Return queries/`name`.sql."""
    return (FOLDER / f"{name}.sql").read_text()


def select(text: str, values: Mapping[str, object] | None = None, **tables: pl.DataFrame) -> pl.DataFrame:
    """Return the result of the query `text`, with `values` for its parameters, over `tables` by their names."""
    import duckdb

    try:
        with duckdb.connect() as sql:
            sql.execute(query("words"))
            for name, table in tables.items():
                sql.register(name, table.to_arrow())
            return pl.DataFrame(sql.sql(text, params=values).to_arrow_table())
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # DuckDB's word for Ctrl-C
            raise KeyboardInterrupt from error
        raise


def print_table(table: pl.DataFrame) -> None:
    """Print all of `table`."""
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, fmt_str_lengths=70, tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_hide_dtype_separator=True,
    ):  # fmt: skip
        print(table)
