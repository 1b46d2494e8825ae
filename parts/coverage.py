"""Show what the teacher did not cover: which spans of which documents no kept row came from.

python -m parts.coverage
"""

import polars as pl

from parts.errors import run
from parts.queries import query, select, show
from schemas.chunks import Chunks
from schemas.pairs import Ledger


def main() -> None:
    """Print the passages without a row, then the share of all documents' characters that have some."""
    chunks = Chunks.read()
    bare = select(query("coverage"), chunks=chunks, ledger=Ledger.read())
    if len(bare):
        show(bare)
    length = pl.col("end") - pl.col("start")
    share = 1 - bare.select(length.sum()).item() / chunks.select(length.sum()).item()
    print(f"{share:.1%} of the characters have rows; {len(bare)} of {len(chunks)} passages have none")


if __name__ == "__main__":
    run(main)
