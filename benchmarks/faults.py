"""Kill the pipeline in every stage, fill its disk at every stage, run it twice at once: the next run needs no hand.

python -m benchmarks.faults [--kills 50] [--seed 1] [--only kills disk together]

Works in throwaway copies whose pipeline is small (baselines/small_project.py): one runs undisturbed, the others must end in
its bytes. The full disk is a file system in memory, which takes root, or `unshare -rm python -m benchmarks.faults`.
"""

import argparse
import itertools
import random
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.baselines import full_disk, kills
from benchmarks.baselines.figures import RESULTS, Figures
from benchmarks.baselines.small_project import SmallProject
from parts.project.progress import ProgressBar
from parts.retrieval import embedded_postgres

KILLS = 50
GRACE = 1.0  # seconds in which an answer that came may not yet be stored
ROOMS = (0, 64, 1024)  # KiB left on a full disk
FREE = 256 * 2**20  # bytes left on it while a stage runs undisturbed


def main(n_kills: int, seed: int, only: list[str]) -> None:
    """Print the figures, and write results/faults.json after each part."""
    figures, draw, tracebacks = Figures("faults", RESULTS, "dvc"), random.Random(seed), 0
    with tempfile.TemporaryDirectory(prefix="faults-") as home:
        whole = undisturbed(Path(home, "whole"))
        if "kills" in only:
            tracebacks += kill_often(Path(home), whole, n_kills, draw, figures)
            figures.write()
        if "together" in only:
            tracebacks += run_together(Path(home), whole, figures)
            figures.write()
        if "disk" in only:
            tracebacks += fill_the_disk(Path(home), whole, draw, figures)
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


def kill_often(home: Path, whole: SmallProject, most: int, draw: random.Random, figures: Figures) -> int:
    """Kill runs of copies `most` times in all, or until one does not heal; return the tracebacks."""
    rows, paid, differing, ways = [], 0, [], itertools.cycle(kills.WAYS)
    while len(rows) < most and all(each.healed for each in rows):
        project = SmallProject(home / f"killed-{len(rows)}")
        project.make()
        fresh = kills.kill_until_done(project, most - len(rows), draw, ways)
        differing += differences(whole, project)
        paid += project.repeated([each.moment for each in fresh], GRACE) - whole.repeated([], GRACE)
        rows += fresh
        shutil.rmtree(project.folder)
    figures.add("kills", len(rows))
    figures.add("stages_killed", len({each.stage for each in rows}))
    figures.add("kills_healed", sum(each.healed for each in rows), f"{len(rows)}")
    figures.add("bytes_equal", not differing, "true")
    figures.add("paid_twice", paid, "0")
    figures.add("strays", sum(each.strays for each in rows), "0")
    return sum(each.tracebacks for each in rows)


def differences(whole: SmallProject, project: SmallProject) -> list[str]:
    """Return the paths whose bytes differ between two projects, and print the first of them."""
    one, other = whole.digests(), project.digests()
    paths = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
    print("\n".join(f"differs: {path}" for path in paths[:20]), end="\n" if paths else "", flush=True)
    return paths


def run_together(home: Path, whole: SmallProject, figures: Figures) -> int:
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
    figures.add("together_healed", not any(statuses), "true")
    figures.add("together_bytes_equal", not [path for each in projects for path in differences(whole, each)], "true")
    figures.add("together_paid_twice", projects[0].repeated([], 0) - whole.repeated([], 0), "0")
    return sum(kills.tracebacks(log.read_text()) for log in logs)


def fill_the_disk(home: Path, whole: SmallProject, draw: random.Random, figures: Figures) -> int:
    """Run every stage on a full disk, then again on one with room; return the tracebacks."""
    stages, disk, rows = list(full_disk.stage_commands(whole.folder)), home / "disk", []
    size = sum(path.stat().st_size for path in whole.folder.rglob("*") if path.is_file())
    with full_disk.memory_disk(disk, size + FREE) as mounted:
        if not mounted:
            figures.add("disk_full_lines", None)
            return 0
        project = SmallProject(disk / "project")
        shutil.copytree(whole.folder, project.folder, symlinks=True)
        project.folder.with_name("tmp").mkdir()
        for file in project.folder.glob(".cache/llm.sqlite*"):
            file.unlink()  # so that stages ask again, and write the answers
        for words in ProgressBar(stages, desc="full disks", unit="stage"):
            log = home / f"{'-'.join(words[2:])}.log"
            rows.append(full_disk.run_stage(project, disk, words, draw.choice(ROOMS) * 1024, log))
        differing = differences(whole, project)
    n_ended = sum(row.ended for row in rows)
    figures.add("disk_full_ended", n_ended)
    figures.add("disk_full_lines", sum(row.in_one_line for row in rows), f"{n_ended}")
    figures.add("disk_full_healed", sum(row.healed for row in rows), f"{len(stages)}")
    figures.add("disk_full_bytes_equal", not differing, "true")
    return sum(row.traceback for row in rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.faults")
    parser.add_argument("--kills", dest="n_kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parts = ["kills", "together", "disk"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    main(**vars(parser.parse_args()))
