"""List the files that are no documents: why, and what to do.

python -m commands.rejected
"""

from parts.project.command import run
from parts.project.queries import print_table
from schemas.rejected import Rejected


def main() -> None:
    """Print a line for each file that `ingest` left out."""
    rows = Rejected.read()
    if rows.is_empty():
        print("every file was read")
    else:
        print_table(rows.sort("reason", "path"))


if __name__ == "__main__":
    run(main)
