"""List what was masked: which value, of which kind, how often, in which document.

python -m commands.redactions

The values are shown on a terminal alone: into a file or a pipe go their placeholders.
"""

import sys

import polars as pl

from parts.project import params
from parts.project.command import run
from parts.project.queries import print_table
from parts.safety.detection import Params
from parts.safety.redaction import list_values
from schemas.chunks import Chunks
from schemas.documents import Documents


def main() -> None:
    """Print a line for each private value of each document, then a line for each kind, the most frequent last."""
    values = list_values(Documents.read(), Chunks.read(), params.load("redact", Params))
    if values.is_empty():
        print("nothing private found")
        return
    shown = pl.col("value").map_elements(_printable, return_dtype=pl.String)
    print_table(values.with_columns(shown) if sys.stdout.isatty() else values.drop("value"))
    by_kind = values.group_by("kind").agg(values=pl.col("placeholder").n_unique(), times=pl.col("times").sum())
    print_table(by_kind.sort("times", "kind"))


def _printable(value: str) -> str:
    """Return `value` in one line, without what would command a terminal."""
    return "".join(char if char.isprintable() else " " for char in value)


if __name__ == "__main__":
    run(main)
