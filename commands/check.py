"""Refuse what DVC would wait for without end: a pipe, a socket or a device among the documents.

DVC reads every file of a folder before a stage begins, and a pipe never ends.
"""

from collections.abc import Iterator
from pathlib import Path

from parts.project import params
from parts.project.command import run
from parts.project.errors import UserError
from stages.ingest import Params


def special_files(folder: Path) -> Iterator[Path]:
    """Yield what is neither a file nor a folder in `folder`, or is `folder`; links are followed as DVC follows them."""
    for path in (folder, *folder.rglob("*")):
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path


def main() -> None:
    """End with an error where the documents of ingest.path have such a file."""
    if path := next(special_files(params.load("ingest", Params).path), None):
        raise UserError(
            f"{path} is a pipe, a socket or a device: take it out of the documents, for DVC would hang on it"
        )


if __name__ == "__main__":
    run(main)
