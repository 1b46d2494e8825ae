"""Read a folder of files as text, or the documents of a published benchmark.

reads   the folder, or the file, ingest.path
writes  Documents           one row per document
        Rejected            one row per file that is none
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts.corpus import folder, published
from parts.corpus.workers import Reading, read_files
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from schemas.documents import Documents
from schemas.rejected import Rejected
from schemas.spool import Spool


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `ingest` of params.yaml."""

    path: Path  # the folder with the documents, or a file of QuALITY, SQuAD or LongHealth as it is published
    most_rejected: float = Field(ge=0, le=1)  # share of its files that are no documents, above it the run ends


def readings(root: Path) -> Iterator[Reading]:
    """Yield what is in each file below `root`, or each document of a benchmark. Raises UserError where there is no file."""
    if root.is_file():
        yield from (Reading(*row) for row in benchmark(root).rows())
        return
    files = list(folder.files(root))
    if not files:
        raise UserError(f"no documents in {root}: put files there, or change ingest.path in params.yaml")
    yield from read_files(files)


def ingest(root: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return Documents and Rejected of the files below `root`. Raises UserError where there is no file."""
    read = list(readings(root))
    documents = [document(reading) for reading in read if not reading.problem]
    return Documents.frame(documents), Rejected.frame([rejection(reading) for reading in read if reading.problem])


def document(reading: Reading) -> dict[str, str]:
    """Return the row of Documents of a file."""
    return {"doc_id": reading.name, "title": reading.title, "text": reading.text}


def rejection(reading: Reading) -> dict[str, str]:
    """Return the row of Rejected of a file that is no document."""
    return {"path": reading.name, "reason": reading.problem.reason, "message": str(reading.problem)}


def benchmark(path: Path) -> pl.DataFrame:
    """Return Documents of a published benchmark. Raises UserError for another file."""
    documents = getattr(published.read(path), "documents", {})
    if not documents:
        raise UserError(
            f"{path} is a file: ingest.path names a folder of documents, or a file of QuALITY, SQuAD or LongHealth as published"
        )
    return Documents.frame(
        [{"doc_id": name, "title": title, "text": text} for name, (title, text) in documents.items()]
    )


def complaint(rejected: pl.DataFrame, count: int) -> str:
    """Return what to say of the files that were left out: how many of `count`, by reason, and the first of each."""
    first = {row["reason"]: f"{row['path']} {row['message']}" for row in reversed(rejected.to_dicts())}
    reasons = Counter(rejected["reason"].to_list()).most_common()
    listed = "; ".join(f"{n} {reason}, such as {first[reason]}" for reason, n in reasons)
    return f"{len(rejected)} of {count} files are left out: {listed}"


def main() -> None:
    """Write Documents and Rejected; no more than some thousand documents are in memory at once."""
    section, documents, rejections = params.load("ingest", Params), Spool(Documents), []
    n_documents = n_characters = 0
    for reading in readings(section.path):
        if reading.problem:
            rejections.append(rejection(reading))
            continue
        documents.add([document(reading)])
        n_documents, n_characters = n_documents + 1, n_characters + len(reading.text)
    rejected, count = Rejected.frame(rejections), n_documents + len(rejections)
    if len(rejected) > section.most_rejected * count or not n_documents:
        raise UserError(f"{complaint(rejected, count)}: repair or move them, or raise ingest.most_rejected")
    documents.write()
    Rejected.write(rejected)
    reasons = {f"rejected_{reason.replace(' ', '_')}": n for reason, n in rejected["reason"].value_counts().rows()}
    figures = {"documents": n_documents, "characters": n_characters, "files_left_out": len(rejected)}
    metrics.write("ingest", figures | dict(sorted(reasons.items())))
    print(f"{n_documents} documents" + (f"; {complaint(rejected, count)}" if len(rejected) else ""))


if __name__ == "__main__":
    run(main)
