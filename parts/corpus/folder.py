"""A corpus that is a folder: its files are the documents, a JSONL file beside it may hold the questions."""

from collections.abc import Iterator
from pathlib import Path

from schemas.errors import UserError

LARGEST = 100_000_000  # bytes in one file


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path below `folder`, file) of every file, sorted; hidden ones and links that lead outside are not there.

    Raises Mistake when there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: put documents there, or change ingest.path in params.yaml")
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if (
            path.is_file()
            and not any(part.startswith(".") for part in below.parts)
            and path.resolve().is_relative_to(root)
        ):
            yield below.as_posix(), path
