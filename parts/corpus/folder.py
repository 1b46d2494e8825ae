"""List the files of a folder of documents."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from parts.project.errors import UserError

LARGEST = 100_000_000  # bytes in one file


def files(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield (path relative to `folder`, file) of every file, sorted; without hidden files.

    The relative path is printable text, in Unicode's NFC. The file is None for a link that leads outside, to a folder or nowhere.
    Raises UserError if the folder does not exist.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: put documents there, or change ingest.path in params.yaml")
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not (path.is_file() or path.is_symlink()):
            continue
        is_inside = path.is_file() and path.resolve().is_relative_to(root)
        yield text_of(name.as_posix()), path if is_inside else None


def text_of(name: str) -> str:
    """Return the name of a file as text: bytes that are not UTF-8 are replaced, a letter and its accent are one."""
    return unicodedata.normalize("NFC", printable(os.fsencode(name).decode("utf-8", "replace")))


def printable(text: str) -> str:
    """Return `text` without what would command a terminal or end a line."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
