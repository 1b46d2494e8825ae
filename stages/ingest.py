"""Read a folder of files as text, or the documents of a published benchmark.

reads   the folder, or the file, ingest.path
writes  Documents           one row per document
        Rejected            one row per file that is none
"""

from collections import Counter
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from parts.corpus import folder, published
from parts.corpus.workers import read_files
from parts.project import metrics, params
from parts.project.command import run
from parts.project.errors import UserError
from schemas.documents import Documents
from schemas.rejected import Rejected


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `ingest` of params.yaml."""

    path: Path  # the folder with the documents, or a file of QuALITY, SQuAD or LongHealth as it is published
    most_rejected: float = Field(ge=0, le=1)  # share of its files that are no documents, above it the run ends


def ingest(root: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return Documents and Rejected of the files below `root`. Raises UserError where there is no file."""
    if root.is_file():
        return benchmark(root), Rejected.frame([])
    files = list(folder.files(root))
    if not files:
        raise UserError(f"no documents in {root}: put files there, or change ingest.path in params.yaml")
    documents, rejected = [], []
    for name, title, text, problem in read_files(files):
        if problem:
            rejected.append({"path": name, "reason": problem.reason, "message": str(problem)})
        else:
            documents.append({"doc_id": name, "title": title, "text": text})
    return Documents.frame(documents), Rejected.frame(rejected)


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
    """Write Documents and Rejected."""
    section = params.load("ingest", Params)
    documents, rejected = ingest(section.path)
    count = len(documents) + len(rejected)
    if len(rejected) > section.most_rejected * count or not len(documents):
        raise UserError(f"{complaint(rejected, count)}: repair or move them, or raise ingest.most_rejected")
    Documents.write(documents)
    Rejected.write(rejected)
    figures = {"documents": len(documents), "characters": int(documents["text"].str.len_chars().sum())}
    reasons = {f"rejected_{reason.replace(' ', '_')}": n for reason, n in rejected["reason"].value_counts().rows()}
    metrics.write("ingest", figures | {"files_left_out": len(rejected)} | dict(sorted(reasons.items())))
    print(f"{len(documents)} documents" + (f"; {complaint(rejected, count)}" if len(rejected) else ""))


if __name__ == "__main__":
    run(main)
