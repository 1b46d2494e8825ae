"""Read a folder of files as text.

reads   the folder ingest.path
writes  Documents           one row per document
"""

import hashlib
import importlib
import mimetypes
import re
from collections import Counter
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from parts.corpus import folder
from parts.project import metrics, params
from parts.project.command import run
from schemas.documents import Documents
from schemas.errors import UserError

READERS = {
    ".md": "plain", ".markdown": "plain", ".txt": "plain", ".html": "html", ".htm": "html", ".docx": "docx", ".pdf": "pdf",
}  # fmt: skip


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `ingest` of params.yaml."""

    path: Path  # the folder with the documents


def ingest(root: Path) -> tuple[pl.DataFrame, Counter]:
    """Return the documents below `root`, and how many files were left out, by suffix.

    Raises Mistake when a file cannot be read, naming each, or when there is none to read.
    """
    rows, left, bad = [], Counter(), []
    for name, path in folder.files(root):
        reader = READERS.get(path.suffix.lower())
        if not reader:
            left[path.suffix.lower() or "no suffix"] += 1
            continue
        try:
            rows.append(_document(name, path, reader))
        except UserError as error:
            bad.append(f"{path} {error}")
        except OSError as error:
            bad.append(f"{path} cannot be read: {error.strerror}")
    if bad:
        raise UserError(
            f"{len(bad)} of {len(bad) + len(rows)} files cannot be read (mend or move them): {'; '.join(bad)}"
        )
    if not rows:
        raise UserError(
            f"no documents in {root}: put files there ({', '.join(READERS)}), or change ingest.path in params.yaml"
        )
    return Documents.frame(rows), left


def _document(name: str, path: Path, reader: str) -> dict:
    size = path.stat().st_size
    if size > folder.LARGEST:
        raise UserError(f"is larger than {folder.LARGEST:,} bytes: split it")
    data = path.read_bytes()
    title, text = importlib.import_module(f"parts.corpus.readers.{reader}").read(data)
    if not text.strip():
        raise UserError("is empty")
    if heading := re.match(r"\s*#[ \t]+(.+?)[ \t#]*$", text, re.MULTILINE):
        title = heading[1]
    return {
        "doc_id": name, "title": title or re.sub(r"[_-]+", " ", path.stem), "text": text, "source": "folder",
        "mime": mimetypes.guess_type(path.name)[0] or "text/plain", "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip


def main() -> None:
    """Write Documents."""
    documents, left = ingest(params.load("ingest", Params).path)
    Documents.write(documents)
    found = {"documents": len(documents), "characters": int(documents["text"].str.len_chars().sum())}
    metrics.write("ingest", found | {"files_left_out": left.total()})
    print(
        f"{len(documents)} documents" + "".join(f"; {count} {suffix} files left out" for suffix, count in left.items())
    )


if __name__ == "__main__":
    run(main)
