"""Show what became of what was asked of the teacher: asked -> kept, by generator and reason.

python -m parts.ledger
"""

from pathlib import Path

import duckdb

from parts.errors import Mistake, run
from parts.queries import query


def main() -> None:
    """Print queries/ledger.sql over data/ledger.parquet."""
    if not Path("data/ledger.parquet").exists():
        raise Mistake("data/ledger.parquet is not there yet: run `make repro`")
    duckdb.sql(query("ledger")).show(max_rows=1000)


if __name__ == "__main__":
    run(main)
