"""Reading: what becomes of awkward files, how clean the text is, and what processes of their own cost.

python -m benchmarks.ingest [CORPORA] [MESSY]    CORPORA: a folder with northwind/docs (or CLOSEDBOOK_CORPORA); MESSY: a folder
                                                 of awkward files, all that are in it

Speed is that of made-up documents, in documents a second, over a loop in this process.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from unittest import mock

from benchmarks.baselines.figures import RESULTS, Figures
from invitro.world import writers
from invitro.world.documents import Block, Line
from parts.corpus import folder, reading, workers
from parts.project import spread
from stages.ingest import ingest

DOCUMENTS = 600
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")


def messy_figures(path: Path) -> Iterator[tuple[str, float, str]]:
    """Yield what became of the files below `path`: all are read or rejected, and none ends the run."""
    start = time.perf_counter()
    documents, rejected = ingest(path)
    yield "messy_crashed", int(rejected["message"].str.starts_with("ends the program").sum()), "0"
    yield "messy_unaccounted", len(list(folder.files(path))) - len(documents) - len(rejected), "0"
    yield "messy_read", len(documents), ""
    yield "messy_seconds", time.perf_counter() - start, ""


def northwind_figures(path: Path) -> Iterator[tuple[str, float, str]]:
    """Yield how clean the text of a corpus of PDFs is; a line is broken where the next one goes on in small letters."""
    texts = [reading.read(name, file.read_bytes())[1] for name, file in folder.files(path)]
    lines = [[line for line in text.replace("\f", "\n").split("\n") if line.strip()] for text in texts]
    broken = sum(
        line[:1].islower() and above.rstrip()[-1] not in ".!?:;" for text in lines for above, line in pairwise(text)
    )
    yield "northwind_control_characters", sum(len(CONTROLS.findall(text)) for text in texts), "0"
    yield "northwind_broken_lines", broken, ""


def speed_figures() -> Iterator[tuple[str, float, str]]:
    """Yield documents a second by one process and by two, over a loop here."""
    with tempfile.TemporaryDirectory() as temporary:
        files = list(folder.files(write_documents(Path(temporary), DOCUMENTS)))
        bare = _seconds(lambda: [reading.read(name, path.read_bytes()) for name, path in files])
        for count, goal in ((1, ">= 0.9"), (2, ">= 1.7")):
            with mock.patch.dict(os.environ, {spread.PROCESSES: str(count)}):
                yield (
                    f"docs_per_second_over_bare_{count}",
                    bare / _seconds(lambda: list(workers.read_files(files))),
                    goal,
                )
        yield "docs_per_second", len(files) / bare, ""


def write_documents(root: Path, count: int) -> Path:
    """Write `count` documents, as many of each format, to the folder `root`."""
    blocks = [Block(f"Part {n}", "paragraph", (Line(f"The gate of hall {n} opens at seven. " * 12),)) for n in range(8)]
    for number in range(count):
        suffix = list(writers.WRITERS)[number % len(writers.WRITERS)]
        (root / f"{number}{suffix}").write_bytes(writers.WRITERS[suffix](f"Hall {number}", blocks))
    return root


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def main(
    corpora: str | None = os.environ.get("CLOSEDBOOK_CORPORA"), messy: str | None = None, results: Path = RESULTS
) -> None:
    figures = Figures("ingest", results, "pypdfium2", "beautifulsoup4", "mammoth", "pebble")
    parts = [messy_figures(Path(messy))] if messy else []
    parts += [northwind_figures(Path(corpora, "northwind/docs"))] if corpora else []
    for each in [*parts, speed_figures()]:
        for key, value, goal in each:
            figures.add(key, value, goal)
    figures.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
