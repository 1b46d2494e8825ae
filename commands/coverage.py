"""List the passages that no training row came from, and the share of the documents that has rows.

python -m commands.coverage
"""

import polars as pl

from parts.curation.coverage import uncovered_passages
from parts.project.command import run
from parts.project.queries import print_table
from schemas.chunks import Chunks
from schemas.pairs import Ledger


def main() -> None:
    """Print the passages without rows, then the share of all characters in passages with rows."""
    chunks = Chunks.read()
    uncovered = uncovered_passages(chunks, Ledger.read())
    if len(uncovered):
        print_table(uncovered)
    length = pl.col("end") - pl.col("start")
    share = 1 - uncovered.select(length.sum()).item() / chunks.select(length.sum()).item()
    print(f"{share:.1%} of the characters have rows; {len(uncovered)} of {len(chunks)} passages have none")


if __name__ == "__main__":
    run(main)
