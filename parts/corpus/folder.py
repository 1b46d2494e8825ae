"""List the files of a folder of documents."""

from collections.abc import Iterator
from pathlib import Path

from parts.project.errors import UserError

LARGEST = 100_000_000  # bytes in one file


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path relative to `folder`, file) of every file, sorted; without hidden files and links that lead outside.

    Raises UserError if the folder does not exist.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: put documents there, or change ingest.path in params.yaml")
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if (
            path.is_file()
            and not any(part.startswith(".") for part in name.parts)
            and path.resolve().is_relative_to(root)
        ):
            yield name.as_posix(), path
