"""Read files in processes of their own, with limits of time and memory: a file that breaks its reader costs that file alone."""

import contextlib
import multiprocessing
import platform
import resource
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as TimedOut
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from parts.corpus import folder, reading
from parts.corpus.unreadable import Unreadable
from parts.project import spread
from parts.project.errors import UserError

SECONDS = 600  # for one file: a scan takes some seconds a page
MEMORY = 4 << 30  # bytes of address space of a process
START = spread.START
AHEAD = 256  # files that are read, or wait to be, while one takes long: their texts are in memory
BATCH = 32  # files that a machine of a Ray cluster is sent at once


class Reading(NamedTuple):
    """A file as text, or why it is none."""

    name: str
    title: str
    text: str
    problem: Unreadable | None = None


def read_files(files: Sequence[tuple[str, Path | None]]) -> Iterator[Reading]:
    """Yield what is in each of `files` (name, path), in their order. Raises UserError where a machine lacks their folder."""
    if not spread.is_on_ray():
        return _read_here(files, spread.processes())
    absolute = [(name, path and path.absolute()) for name, path in files]
    batches = [absolute[start : start + BATCH] for start in range(0, len(absolute), BATCH)]
    return chain.from_iterable(spread.spread(read_batch, batches))


def read_batch(files: Sequence[tuple[str, Path | None]]) -> list[Reading]:
    """Return what is in each of `files`, on a machine of a Ray cluster. Raises UserError where it lacks their folder."""
    missing = [path.parent for _, path in files if path and not path.parent.is_dir()]
    if missing:
        raise UserError(
            f"{spread.ADDRESS}: there is no {missing[0]} on {platform.node()}: put it there, at the same path"
        )
    return list(_read_here(files, 1))


def _read_here(files: Sequence[tuple[str, Path | None]], count: int) -> Iterator[Reading]:
    from pebble import ProcessPool

    context = multiprocessing.get_context(START)
    context.set_forkserver_preload([__name__, "parts.corpus.readers.html"])
    count = max(1, min(len(files), count))
    with ProcessPool(count, initializer=_limit, initargs=[MEMORY], context=context) as pool:
        reading: deque = deque()
        for name, path in files:
            reading.append((name, pool.schedule(_read, (name, path), timeout=SECONDS)))
            if len(reading) > AHEAD:
                yield _outcome(*reading.popleft())
        while reading:
            yield _outcome(*reading.popleft())


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


def _limit(memory: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))


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
