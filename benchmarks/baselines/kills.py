"""Kill runs of a pipeline at random moments, and see what they leave behind."""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.baselines.small_project import SmallProject

WAYS = ("group", "stage", "SIGTERM", "SIGINT", "SIGHUP")  # SIGKILL of all, of the stage alone, a signal to all
MEAN = 5.0  # seconds from the beginning of a stage to the kill
PATIENCE = 20.0  # seconds in which what a killed run has left must be gone
_STAGE = re.compile(r"^Running stage '(.+)':$", re.MULTILINE)
_OURS = re.compile(r"  File \"[^\"]*/(?:commands|parts|stages|schemas)/")


class Kill(NamedTuple):
    """One kill: its moment, what the run left behind and had printed, and whether the next run failed by itself."""

    moment: float
    stage: str
    strays: int
    tracebacks: int
    healed: bool = True


def kill_until_done(project: SmallProject, most: int, draw: random.Random, ways: Iterator[str]) -> list[Kill]:
    """Run the pipeline again and again until it comes to its end, killed `most` times at most; return the kills.

    Each comes at a random moment of a stage that none has met before, so that no long one, such as a training, takes them
    all. A run that fails by itself is the last.
    """
    rows: list[Kill] = []
    while True:
        log = project.folder.with_name(f"{project.folder.name}-{len(rows)}.log")
        process = project.start(log)
        try:
            if len(rows) < most:
                wait_for_another_stage(process, log, {row.stage for row in rows})
            status = process.wait(draw.expovariate(1 / MEAN) if len(rows) < most else None)
        except subprocess.TimeoutExpired:
            moment = kill(process, next(ways))
            rows.append(Kill(moment, stage_of(log.read_text()), strays(project), tracebacks(log.read_text())))
            print(log.read_text()[-3000:] if rows[-1].tracebacks else "", end="", flush=True)
            print(f"kill {len(rows)} of {most} at most, in {rows[-1].stage}", flush=True)
            continue
        if status:
            print(f"failed by itself: {log.read_text()[-2000:]}", flush=True)
            rows[-1:] = [each._replace(healed=False) for each in rows[-1:]]
        return rows


def wait_for_another_stage(process: subprocess.Popen, log: Path, stages: set[str]) -> None:
    """Return when the `log` of a run names a stage that is none of `stages`, or when the run has ended."""
    while process.poll() is None and stage_of(log.read_text()) in {"", *stages}:
        time.sleep(0.1)


def stage_of(log: str) -> str:
    """Return the stage that DVC started last; "" where it started none."""
    return ("", *_STAGE.findall(log))[-1]


def kill(process: subprocess.Popen, way: str) -> float:
    """Kill a run in `way`, one of WAYS, and wait for its end; return the moment."""
    while way == "stage" and process.poll() is None and not _kill_stage(process.pid):
        time.sleep(0.1)
    moment = time.monotonic()
    if way != "stage":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL if way == "group" else signal.Signals[way])
    process.wait(300)
    return moment


def _kill_stage(parent: int) -> bool:
    """Kill the stage that the process `parent` runs; return whether there is one."""
    with suppress(psutil.Error):
        for child in psutil.Process(parent).children(recursive=True):
            words = child.cmdline()
            if words[1:2] == ["-m"] and words[2].startswith("stages."):
                child.kill()
                return True
    return False


def strays(project: SmallProject) -> int:
    """Return how many processes of a killed run are still there after a while, and end them."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and project.processes():
        time.sleep(0.2)
    left = project.processes()
    for process in left:
        print(f"left behind: {' '.join(process.cmdline())}", flush=True)
        process.kill()
    return len(left)


def tracebacks(log: str) -> int:
    """Return the tracebacks in `log` that go through our code."""
    return sum(bool(_OURS.search(each)) for each in log.split("Traceback (most recent call last)")[1:])
