"""Run stages on a full disk: a file system in memory, which takes root, or `unshare -rm`."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.baselines.kills import strays
from benchmarks.baselines.small_project import SmallProject


class Outcome(NamedTuple):
    """What became of a stage on a full disk, and of the same stage with room afterwards."""

    ended: bool
    in_one_line: bool
    traceback: bool
    healed: bool


def run_stage(project: SmallProject, disk: Path, words: list[str], room: int, log: Path) -> Outcome:
    """Run a stage with `room` bytes left on `disk`, then with room."""
    with full(disk, room):
        ended = bool(project.start(log, *words).wait())
    text = log.read_text()
    strays(project)
    healed = not project.start(log, *words).wait()
    outcome = Outcome(ended, ended and "error: " in text and "Traceback" not in text, "Traceback" in text, healed)
    if outcome.traceback or not healed:
        print(" ".join(words), log.read_text()[-800:], sep="\n", flush=True)
    return outcome


def stage_commands(folder: Path) -> Iterator[list[str]]:
    """Yield the command of every stage of the pipeline, in its order, as dvc.lock has it."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    for stage in stages.values():
        if stage["cmd"].startswith("python -m stages."):
            yield [sys.executable, *stage["cmd"].split()[1:]]


@contextmanager
def memory_disk(folder: Path, size: int) -> Iterator[bool]:
    """Mount a file system of `size` bytes in memory at `folder`; yield whether this user may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    mounted = not subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path, room: int) -> Iterator[None]:
    """Leave `room` bytes on the file system at `disk`."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        free = shutil.disk_usage(disk).free
        file.write(bytes(max(0, free - room)))
    try:
        yield
    finally:
        ballast.unlink()
