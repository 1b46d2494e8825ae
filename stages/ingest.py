"""Read a folder of files as text.

reads   the folder ingest.path
writes  Documents           one row per document
"""

import importlib
import re
from collections import Counter
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from parts.corpus import folder
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from schemas.documents import Documents

READERS = {
    ".md": "plain",
    ".markdown": "plain",
    ".txt": "plain",
    ".html": "html",
    ".htm": "html",
    ".docx": "docx",
    ".pdf": "pdf",
}


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `ingest` of params.yaml."""

    path: Path  # the folder with the documents


def ingest(root: Path) -> tuple[pl.DataFrame, Counter]:
    """Return Documents of the files below `root`, and the number of files without a reader, by suffix.

    Raises UserError, which names each file that cannot be read, or if there is no document.
    """
    rows, skipped, errors = [], Counter(), []
    for name, path in folder.files(root):
        reader = READERS.get(path.suffix.lower())
        if not reader:
            skipped[path.suffix.lower() or "no suffix"] += 1
            continue
        try:
            rows.append(_document(name, path, reader))
        except UserError as error:
            errors.append(f"{path} {error}")
        except OSError as error:
            errors.append(f"{path} cannot be read: {error.strerror}")
    if errors:
        raise UserError(
            f"{len(errors)} of {len(errors) + len(rows)} files cannot be read (repair or move them): {'; '.join(errors)}"
        )
    if not rows:
        raise UserError(
            f"no documents in {root}: put files there ({', '.join(READERS)}), or change ingest.path in params.yaml"
        )
    return Documents.frame(rows), skipped


def _document(name: str, path: Path, reader: str) -> dict:
    size = path.stat().st_size
    if size > folder.LARGEST:
        raise UserError(f"is larger than {folder.LARGEST:,} bytes: split it")
    title, text = importlib.import_module(f"parts.corpus.readers.{reader}").read(path.read_bytes())
    if not text.strip():
        raise UserError("is empty")
    if heading := re.match(r"\s*#[ \t]+(.+?)[ \t#]*$", text, re.MULTILINE):
        title = heading[1]
    return {"doc_id": name, "title": title or re.sub(r"[_-]+", " ", path.stem), "text": text}


def main() -> None:
    """Write Documents."""
    documents, skipped = ingest(params.load("ingest", Params).path)
    Documents.write(documents)
    figures = {"documents": len(documents), "characters": int(documents["text"].str.len_chars().sum())}
    metrics.write("ingest", figures | {"files_left_out": skipped.total()})
    print(
        f"{len(documents)} documents"
        + "".join(f"; {count} {suffix} files left out" for suffix, count in skipped.items())
    )


if __name__ == "__main__":
    run(main)
