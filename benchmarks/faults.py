"""Kill the pipeline at random moments, fill its disk at every stage, run it twice at once: the next run needs no hand.

python -m benchmarks.faults [--kills 40] [--seed 1] [--only kills disk together]

Works in throwaway copies whose pipeline is small (baselines/small_project.py): one runs undisturbed, the others must end in
its bytes. The full disk is a file system in memory, which takes root, or `unshare -rm python -m benchmarks.faults`.
"""

import argparse
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import yaml

from benchmarks.baselines.figures import RESULTS, Figures
from benchmarks.baselines.small_project import SmallProject
from parts.project.progress import ProgressBar
from parts.retrieval import embedded_postgres

WAYS = ("group", "stage", "SIGTERM", "SIGINT", "SIGHUP")  # SIGKILL of all, of the stage alone, a signal to all
LONGEST = 25.0  # seconds between two kills
GRACE = 1.0  # seconds in which an answer that came may not yet be stored
PATIENCE = 20.0  # seconds in which what a killed run has left must be gone
ROOMS = (0, 64, 1024)  # KiB left on a full disk
FREE = 256 * 2**20  # bytes left on it while a stage runs undisturbed


def main(kills: int, seed: int, only: list[str]) -> None:
    """Print the figures and write results/faults.json."""
    figures, draw = Figures("faults", RESULTS, "dvc"), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as home:
        whole = undisturbed(Path(home, "whole"))
        tracebacks = 0
        for part in only:
            tracebacks += RUN[part](Path(home), whole, draw, kills, figures)
            figures.add("tracebacks", tracebacks, "0")
            figures.write()


def undisturbed(folder: Path) -> SmallProject:
    """Return a project whose pipeline has run. Raises SystemExit when it fails."""
    project, start = SmallProject(folder), time.monotonic()
    project.make()
    log = folder.with_name("whole.log")
    if project.start(log).wait():
        raise SystemExit(log.read_text()[-3000:])
    print(f"the pipeline undisturbed: {time.monotonic() - start:.0f} s", flush=True)
    return project


def kill_often(home: Path, whole: SmallProject, draw: random.Random, kills: int, figures: Figures) -> int:
    """Kill runs of copies `kills` times, each at a random moment; return the tracebacks that our code printed."""
    healed, strays, paid, equal, moments, tracebacks, ways = 0, 0, 0, True, [], 0, itertools.cycle(WAYS)
    bar = ProgressBar(total=kills, desc="kills", unit="kill")
    for number in itertools.count():
        if len(moments) == kills:
            break
        project = SmallProject(home / f"killed-{number}")
        project.make()
        before = len(moments)
        for moment, log in killed_runs(project, kills - before, draw, ways):
            moments.append(moment)
            bar.update()
            strays += left(project)
            tracebacks += ours(log.read_text())
        healed += (len(moments) - before) * (not project.failures)
        differing = differences(whole, project)
        equal = equal and not differing
        paid += project.repeated(moments, GRACE) - whole.repeated([], GRACE)
        print("\n".join([*project.failures, *differing[:20]]), flush=True)
        shutil.rmtree(project.folder)
    figures.add("kills", kills)
    figures.add("kills_healed", healed, f"{kills}")
    figures.add("bytes_equal", equal, "true")
    figures.add("paid_twice", paid, "0")
    figures.add("strays", strays, "0")
    return tracebacks


def killed_runs(
    project: SmallProject, most: int, draw: random.Random, ways: Iterator[str]
) -> Iterator[tuple[float, Path]]:
    """Run `dvc repro` until it comes to its end, killed `most` times at most; yield each kill's moment and the run's log."""
    project.failures = []
    for number in itertools.count():
        log = project.folder.with_name(f"{project.folder.name}-{number}.log")
        process, way = project.start(log), next(ways) if number < most else ""
        try:
            status = process.wait(draw.uniform(3, LONGEST) if way else None)
        except subprocess.TimeoutExpired:
            moment = kill(process, way)
            yield moment, log
        else:
            if status:
                project.failures.append(f"run {number} failed: {log.read_text()[-500:]}")
            if not status or number >= most:
                return


def kill(process: subprocess.Popen, way: str) -> float:
    """Kill a run of DVC in `way`, one of WAYS, and wait for its end; return the moment."""
    moment = time.monotonic()
    if way == "stage":
        while process.poll() is None and not kill_stage(process.pid):
            time.sleep(0.1)
        moment = time.monotonic()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL if way == "group" else signal.Signals[way])
    process.wait(300)
    return moment


def kill_stage(parent: int) -> bool:
    """Kill the stage that the process `parent` runs; return whether there is one."""
    with suppress(psutil.Error):
        for child in psutil.Process(parent).children(recursive=True):
            words = child.cmdline()
            if words[1:2] == ["-m"] and words[2].startswith("stages."):
                child.kill()
                return True
    return False


def left(project: SmallProject) -> int:
    """Return how many processes of a killed run are still there after a while, and end them."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and project.processes():
        time.sleep(0.2)
    strays = project.processes()
    for process in strays:
        print(f"left behind: {' '.join(process.cmdline())}", flush=True)
        process.kill()
    return len(strays)


def ours(log: str) -> int:
    """Return the tracebacks in `log` that go through our code."""
    return len(re.findall(r'Traceback [^\n]*\n(?:[ ][^\n]*\n)*?  File "[^"]*/(?:parts|stages|schemas)/', log))


def differences(whole: SmallProject, project: SmallProject) -> list[str]:
    """Return the paths whose bytes differ between two projects."""
    one, other = whole.digests(), project.digests()
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def run_together(home: Path, whole: SmallProject, draw: random.Random, kills: int, figures: Figures) -> int:
    """Run two copies at once that share the cache of answers and a Postgres; return the tracebacks."""
    with embedded_postgres.running(home / "postgres") as dsn:
        shared = {"CLOSEDBOOK_DSN": dsn, "CLOSEDBOOK_CACHE": str(home / "cache")}
        projects = [SmallProject(home / name, **shared) for name in ("one", "two")]
        for project in projects:
            project.make()
            project.answers = home / "one-answers"  # their teachers note in one file
        shutil.copy(home / "one/params.yaml", home / "two/params.yaml")
        logs = [home / "one.log", home / "two.log"]
        started = [project.start(log) for project, log in zip(projects, logs, strict=True)]
        statuses = [process.wait() for process in started]
    for status, log in zip(statuses, logs, strict=True):
        print(log.read_text()[-1500:] if status else "", end="", flush=True)
    differing = [path for project in projects for path in differences(whole, project)]
    print("\n".join(differing[:20]), flush=True)
    figures.add("together_healed", not any(statuses), "true")
    figures.add("together_bytes_equal", not differing, "true")
    figures.add("together_paid_twice", projects[0].repeated([], 0) - whole.repeated([], 0), "0")
    return sum(ours(log.read_text()) for log in logs)


def fill_the_disk(home: Path, whole: SmallProject, draw: random.Random, kills: int, figures: Figures) -> int:
    """Run every stage on a full disk, then again on one with room; return the tracebacks."""
    lines, healed, tracebacks, stages = 0, 0, 0, list(stage_commands(whole.folder))
    with memory_disk(home / "disk", size_of(whole.folder) + FREE) as mounted:
        if not mounted:
            figures.add("disk_full_lines", None)
            return 0
        project = SmallProject(home / "disk/project")
        shutil.copytree(whole.folder, project.folder, symlinks=True)
        project.folder.with_name("tmp").mkdir()
        for file in project.folder.glob(".cache/llm.sqlite*"):
            file.unlink()  # so that stages ask again, and write the answers
        for words in ProgressBar(stages, desc="full disks", unit="stage"):
            log = home / f"{'-'.join(words[2:])}.log"
            with full_disk(home / "disk", draw.choice(ROOMS) * 1024):
                status = project.start(log, *words).wait()
            text = log.read_text()
            lines += bool(status) and "error: " in text and "Traceback" not in text
            tracebacks += "Traceback" in text
            left(project)
            again = project.start(log, *words).wait()
            healed += not again
            if "Traceback" in text or again:
                print(" ".join(words), text[-800:], log.read_text()[-500:], sep="\n", flush=True)
            full = bool(status)
            figures.values["disk_full_ended"] = figures.values.get("disk_full_ended", 0) + full
        differing = differences(whole, project)
    print("\n".join(differing[:20]), flush=True)
    figures.add("disk_full_stages", len(stages))
    figures.add("disk_full_lines", lines, f"{figures.values['disk_full_ended']}, as many as ended")
    figures.add("disk_full_healed", healed, f"{len(stages)}")
    figures.add("disk_full_bytes_equal", not differing, "true")
    return tracebacks


def stage_commands(folder: Path) -> Iterator[list[str]]:
    """Yield the command of every stage of the pipeline, in its order, as dvc.lock has it."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    for stage in stages.values():
        if stage["cmd"].startswith("python -m stages."):
            yield [sys.executable, *stage["cmd"].split()[1:]]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
def full_disk(folder: Path, room: int) -> Iterator[None]:
    """Leave `room` bytes on the file system of `folder`."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        free = shutil.disk_usage(folder).free
        file.write(bytes(free - room) if free > room else b"")
    try:
        yield
    finally:
        ballast.unlink()


RUN = {"kills": kill_often, "together": run_together, "disk": fill_the_disk}

if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.faults")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=RUN, default=list(RUN))
    main(**vars(parser.parse_args()))
