"""The benchmark of faults counts what it says: tracebacks of ours, answers given again, processes left behind."""

import itertools
import os
import random
import signal
from pathlib import Path

import pytest

from benchmarks.baselines import full_disk, kills, small_project
from benchmarks.baselines.small_project import SmallProject


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return SmallProject(folder)


def test_a_traceback_counts_where_it_goes_through_our_code():
    head, end = "Traceback (most recent call last):\n", "ValueError: no\n"
    ours = f'{head}  File "/x/dvc/a.py", line 1, in f\n    f()\n  File "/home/parts/llm/b.py", line 2, in g\n    g()\n{end}'
    theirs = f'{head}  File "/x/dvc/a.py", line 1, in f\n    f()\n{end}'
    assert kills.tracebacks(f"{theirs}{ours}stages\n{theirs}{ours}") == 2
    assert kills.tracebacks(f"{theirs}error: in parts/llm/b.py\n") == 0


def test_the_log_tells_which_stage_runs():
    assert kills.stage_of("Running stage 'train@1':\n> x\nRunning stage 'card':\n> y\n") == "card"
    assert kills.stage_of("Stage 'ingest' didn't change, skipping\n") == ""


def test_every_stage_is_killed_once_and_the_run_comes_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(kills, "MEAN", 0.01)
    monkeypatch.setattr(small_project, "REPRO", ("dvc", "repro"))
    program = tmp_path / "dvc"
    program.write_text("""#!/bin/sh
for stage in ingest train report; do
  [ -e $stage ] && continue
  echo "Running stage '$stage':"; sleep 1; touch $stage
done
""")
    program.chmod(0o755)
    (tmp_path / "project").mkdir()
    project = SmallProject(tmp_path / "project", PATH=f"{tmp_path}:{os.environ['PATH']}")
    rows = kills.kill_until_done(project, 10, random.Random(1), itertools.cycle(["group", "SIGTERM"]))
    assert [row.stage for row in rows] == ["ingest", "train", "report"]
    assert all(row.healed for row in rows)
    assert (project.folder / "report").exists()


def test_an_answer_counts_as_paid_twice_unless_a_kill_came_before_it_was_stored(project):
    project.answers.write_text("1.0 a\n2.0 b\n5.0 a\n9.0 b\n")
    assert project.repeated([], 1.0) == 2
    assert project.repeated([2.5], 1.0) == 1
    assert project.repeated([1.5, 2.5], 1.0) == 0
    assert project.repeated([0.9], 1.0) == 2


@pytest.mark.parametrize("way", [way for way in kills.WAYS if way != "stage"])
def test_a_run_dies_by_each_signal_though_the_shell_has_it_ignored(project, tmp_path, way):
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = project.start(tmp_path / "log", "sleep", "60")
    finally:
        signal.signal(signal.SIGINT, handler)
    kills.kill(process, way)
    assert process.returncode < 0
    assert kills.strays(project) == 0


def test_a_process_that_outlives_its_run_is_a_stray_and_is_ended(project, tmp_path, monkeypatch):
    monkeypatch.setattr(kills, "PATIENCE", 0.3)
    process = project.start(tmp_path / "log", "sleep", "60")
    assert kills.strays(project) == 1
    assert process.wait(5) == -signal.SIGKILL


def test_digests_leave_out_what_holds_seconds(project):
    for name in (
        "data/a.parquet",
        "data/timed/b.json",
        "metrics/verdict.json",
        "metrics/machine/cost.json",
        "notes.md",
    ):
        path = Path(project.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert set(project.digests()) == {"data/a.parquet", "metrics/verdict.json"}


def test_a_disk_is_full_but_for_the_room_and_then_has_it_back(tmp_path):
    with full_disk.memory_disk(tmp_path / "disk", 2**20) as mounted:
        if not mounted:
            pytest.skip("this user may not mount a file system")
        with full_disk.full(tmp_path / "disk", 0), pytest.raises(OSError, match="No space left"):
            (tmp_path / "disk/file").write_bytes(bytes(10_000))
        (tmp_path / "disk/other").write_bytes(bytes(10_000))
