"""Mutation testing: put small faults into the code one at a time, and count those that the tests notice.

python -m benchmarks.mutation [--rooms verdict scoring ...] [--tests tests/test_x.py ...] [--sample 60] [--seed 1]
                              [--workers 2] [--minutes 60] [--nearest 6] [--quick]

Works in throwaway copies of the working tree. A fault meets the `nearest` test files that import its module, directly or
through others, the nearest first and slow tests last, until a test fails or takes twice the CPU that all of them take
without it. The survivors are in results/mutation_survivors.json, with the reason that somebody wrote there, if any.

mutmut and cosmic-ray start a command for every fault. Here a process that has imported the libraries is forked, and only
tests that can see the fault are run: a fault takes seconds.
"""

import argparse
import json
import math
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NoReturn

from benchmarks.baselines.faults import Fault, faults, with_fault
from benchmarks.baselines.figures import RESULTS, Figures
from benchmarks.baselines.small_project import copy_tree
from parts.project.progress import ProgressBar
from tests.helpers import source_code
from tests.helpers.source_code import LAYERS, ROOT

imports = cache(source_code.imports)
MARKS = ("not slow", "slow")
IDLE = 6  # seconds that may pass for one of the CPU, before a test counts as one that waits forever
ROOMS = ("verdict", "scoring", "curation", "answering", "llm")
OWN = (*LAYERS, "benchmarks", "tests")
HEAVY = """
numpy polars pandera.polars duckdb torch transformers peft trl sentence_transformers pydantic aiohttp openai hypothesis
scipy.stats pytest yaml bs4 datasketch
""".split()
"""Libraries that take long to import."""
LIKE_TESTS = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
ABOUT_TEXT = re.compile("test_(architecture|benchmarks|docs.*|files)[.]py")
"""Tests that read the code, or run for minutes."""


def tests_that_see(module: Path, nearest: int) -> list[str]:
    """Return the test files that import `module`, the `nearest`: its namesake, then by imports between."""
    rows = []
    for test in sorted((ROOT / "tests").glob("test_*.py")):
        distance, seen, ahead = 0, set(), {test.relative_to(ROOT)}
        while ahead and module not in ahead:
            seen |= ahead
            ahead = {path for each in ahead for path in imports(each)} - seen
            distance += 1
        if ahead and not ABOUT_TEXT.fullmatch(test.name):
            rows.append((test.stem != f"test_{module.stem}", distance, f"tests/{test.name}"))
    return [test for *_, test in sorted(rows)[:nearest]]


def sampled_faults(room: str, sample: int, seed: int) -> list[Fault]:
    """Return a sample of the faults of parts/`room`."""
    paths = sorted((ROOT / "parts" / room).glob("*.py"))
    every = [each for path in paths for each in faults(str(path.relative_to(ROOT)), path.read_text())]
    return random.Random(f"{room} {seed}").sample(every, min(sample, len(every)))


def prepare(home: str) -> None:
    """Make this process a worker: its working directory a copy of the tree, the libraries imported, our code not."""
    copy = Path(tempfile.mkdtemp(dir=home))
    copy_tree(copy)
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"} | LIKE_TESTS
    sys.dont_write_bytecode = True  # a fault of the same size in the same second would run the code before it
    for name in HEAVY:
        with suppress(ImportError):
            __import__(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(ROOT)))]


def notice(fault: Fault | None, tests: list[str], marks: Sequence[str], limit: float = math.inf) -> tuple[bool, float]:
    """Return whether one of `tests` with a mark of `marks` fails with the fault in place, and the seconds of CPU that they took.

    Over `limit` seconds of CPU counts as a failure.
    """
    original, before = fault and Path(fault.path).read_text(), cpu_seconds()
    try:
        if fault:
            Path(fault.path).write_text(with_fault(original, fault.number))
        codes = (forked_pytest([*tests, "-m", mark], limit) for mark in marks)
        return any(code not in (0, 5) for code in codes), cpu_seconds() - before  # 5: no such test
    finally:
        if fault:
            Path(fault.path).write_text(original)


def cpu_seconds() -> float:
    """Return the seconds of CPU that the ended children of this process have taken, their children included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def forked_pytest(arguments: list[str], limit: float) -> int:
    """Return the exit status of pytest in a fork of this process, which ends after `limit` seconds of CPU."""
    child = os.fork()
    if not child:
        run_pytest(arguments, limit)
    end = time.monotonic() + IDLE * limit
    while time.monotonic() < end and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(0.05)
    kill_group(child)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_pytest(arguments: list[str], limit: float) -> NoReturn:
    """Run pytest, silent, and end this process with its status."""
    os.setpgid(0, 0)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    if limit < math.inf:
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit)))
    status = 1  # of a pytest that does not come to its end
    with suppress(BaseException):
        import pytest

        status = int(pytest.main([*arguments, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]))
    os._exit(status)


def kill_group(leader: int) -> None:
    """End the processes that a test has left, servers above all."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def outcomes(
    chosen: list[tuple[Fault, list[str]]], marks: Sequence[str], workers: int, minutes: float
) -> Iterator[tuple[Fault, bool]]:
    """Yield each of the `chosen` faults and whether its tests noticed it, until `minutes` have passed."""
    end = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="mutation-") as home:
        pool = ProcessPoolExecutor(workers, get_context("spawn"), prepare, (home,))
        seeing = dict.fromkeys(test for _, tests in chosen for test in tests)
        alone = {test: pool.submit(notice, None, [test], marks) for test in seeing}
        futures = []
        for fault, tests in ProgressBar(chosen, desc="tests without a fault", unit="fault"):
            without = {test: alone[test].result() for test in tests}
            if failing := [test for test, (fails, _) in without.items() if fails]:
                raise SystemExit(f"of these tests one fails without a fault: {' '.join(failing)}")
            limit = 2 * sum(seconds for _, seconds in without.values()) + 10
            futures.append((fault, pool.submit(notice, fault, tests, marks, limit)))
        for fault, future in ProgressBar(futures, desc="faults", unit="fault"):
            if time.monotonic() < end or not future.cancel():
                yield fault, future.result()[0]


def write_survivors(path: Path, rooms: list[str], survivors: list[Fault]) -> None:
    """Write the survivors of `rooms` beside those of the others, each with the reason that is written there already."""
    before = json.loads(path.read_text()) if path.exists() else []
    reasons = {(row["path"], row["before"], row["after"]): row["reason"] for row in before}
    rows = [row for row in before if Path(row["path"]).parent.name not in rooms]
    for each in survivors:
        row = {"path": each.path, "line": each.line, "kind": each.kind, "before": each.before, "after": each.after}
        rows.append(row | {"reason": reasons.get((each.path, each.before, each.after), "")})
    rows.sort(key=lambda row: (row["path"], row["line"], row["after"]))
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.mutation")
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS), choices=ROOMS)
    parser.add_argument("--quick", action="store_true", help="without the tests that take seconds each")
    parser.add_argument("--tests", nargs="+", help="in place of the nearest test files")
    for name, default in (("sample", 60), ("seed", 1), ("workers", 2), ("nearest", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--minutes", type=float, default=60)
    return parser.parse_args(arguments)


def main(*arguments: str, results: Path = RESULTS) -> None:
    given = options(list(arguments))
    chosen = [fault for room in given.rooms for fault in sampled_faults(room, given.sample, given.seed)]
    paths = {fault.path for fault in chosen}
    tests = {path: given.tests or tests_that_see(Path(path), given.nearest) for path in paths}
    noticed: dict[str, list[bool]] = {room: [] for room in given.rooms}
    survivors = []
    jobs = [(each, tests[each.path]) for each in chosen]
    for fault, is_noticed in outcomes(jobs, MARKS[: 1 if given.quick else 2], given.workers, given.minutes):
        noticed[Path(fault.path).parent.name].append(is_noticed)
        if not is_noticed:
            survivors.append(fault)
            print(f"survived: {fault.path}:{fault.line}: {fault.kind}: {fault.before} -> {fault.after}", flush=True)
    figures = Figures("mutation", results, "pytest")
    if figures.path.exists():  # the rooms that were not asked for stay as they were
        before = json.loads(figures.path.read_text())
        figures.values |= {key: value for key, value in before.items() if key.startswith("mutation_")}
    for room, all_noticed in noticed.items():
        figures.add(f"mutation_faults_{room}", len(all_noticed))
        share = sum(all_noticed) / len(all_noticed) if all_noticed else None
        figures.add(f"mutation_killed_{room}", share, ">= 0.90")
    figures.write()
    write_survivors(results / "mutation_survivors.json", given.rooms, survivors)


if __name__ == "__main__":
    main(*sys.argv[1:])
