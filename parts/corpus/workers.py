"""Read files in processes of their own, with limits of time and memory: a file that breaks its reader costs that file alone."""

import contextlib
import multiprocessing
import os
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as TimedOut
from pathlib import Path
from typing import NamedTuple

from parts.corpus import folder, reading
from parts.corpus.unreadable import Unreadable

SECONDS = 600  # for one file: a scan takes some seconds a page
MEMORY = 4 << 30  # bytes of address space of a process
START = "forkserver"  # a fork of this process would copy the threads' locks of its libraries
WORKERS = "CLOSEDBOOK_READERS"


class Reading(NamedTuple):
    """A file as text, or why it is none."""

    name: str
    title: str
    text: str
    problem: Unreadable | None = None


def read_files(files: Sequence[tuple[str, Path | None]]) -> Iterator[Reading]:
    """Yield what is in each of `files` (name, path), in their order."""
    from pebble import ProcessPool

    context = multiprocessing.get_context(START)
    context.set_forkserver_preload([__name__, "parts.corpus.readers.html"])
    count = min(len(files), int(os.environ.get(WORKERS) or os.cpu_count() or 1))
    with ProcessPool(max(1, count), initializer=_limit, context=context) as pool:
        futures = [pool.schedule(_read, (name, path), timeout=SECONDS) for name, path in files]
        for (name, _), future in zip(files, futures, strict=True):
            yield _outcome(name, future)


def _outcome(name: str, future) -> Reading:
    """Return what a worker made of a file. An error of a reader that it did not foresee is the file's, too: it is named."""
    error = future.exception()
    if error is None:
        return Reading(name, *future.result())
    if isinstance(error, TimedOut):
        error = Unreadable("timed out", f"takes more than {SECONDS} s to read: split it")
    elif isinstance(error, MemoryError):
        error = Unreadable("too large", f"takes more than {MEMORY >> 30} GiB to read: split it")
    elif not isinstance(error, Unreadable):
        words = folder.printable(" ".join(str(error).split()))[:80]
        error = Unreadable("broken", f"ends the program that reads it ({type(error).__name__}: {words})")
    return Reading(name, "", "", error)


def _limit() -> None:
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _read(name: str, path: Path | None) -> tuple[str, str]:
    """Return the title and the text of a file."""
    if path is None:
        raise Unreadable("unsupported", "is a link that leads out of the folder, or nowhere: copy the file")
    try:
        size = path.stat().st_size
        if size > folder.LARGEST:
            raise Unreadable("too large", f"is larger than {folder.LARGEST:,} bytes: split it")
        return reading.read(name, path.read_bytes())
    except OSError as error:
        raise Unreadable("broken", f"cannot be opened: {error.strerror}") from error
