"""Show what the teacher did not cover: which spans of which documents no kept row came from.

python -m commands.coverage
"""

import polars as pl

from parts.curation.coverage import uncovered_passages
from parts.project.command import run
from parts.project.queries import print_table
from schemas.chunks import Chunks
from schemas.pairs import Ledger


def main() -> None:
    """Print the passages without a row, then the share of all documents' characters that have some."""
    chunks = Chunks.read()
    without = uncovered_passages(chunks, Ledger.read())
    if len(without):
        print_table(without)
    length = pl.col("end") - pl.col("start")
    share = 1 - without.select(length.sum()).item() / chunks.select(length.sum()).item()
    print(f"{share:.1%} of the characters have rows; {len(without)} of {len(chunks)} passages have none")


if __name__ == "__main__":
    run(main)
