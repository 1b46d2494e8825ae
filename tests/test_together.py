"""`make repro` does several trainings at once, and several scores; they and dvc.lock are as if one had followed the other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from commands import together
from parts.project.arms import load_arms
from parts.student import model
from tests.helpers.source_code import ROOT, graph

WAIT = """
import os, pathlib, sys, time, urllib.request
def two(kind):
    # wait until two of a kind are under way; tell whether they are
    end = time.time() + 20
    pathlib.Path(f"{kind}-{sys.argv[1]}").touch()
    while len(list(pathlib.Path().glob(f"{kind}-*"))) < 2 and time.time() < end:
        time.sleep(0.05)
    return time.time() < end
"""
TRAIN = f"""{WAIT}
seed = sys.argv[1]
two("began")
assert seed != pathlib.Path("failing").read_text(), "this seed fails"
pathlib.Path("model-" + seed).write_text(pathlib.Path("rows").read_text() + seed)
"""
DVC = """
stages:
  curate: { cmd: cp source rows, deps: [source], outs: [rows] }
  train:
    matrix: { seed: "${train.seeds}" }
    cmd: python train.py ${item.seed}
    deps: [rows, failing]
    outs: ["model-${item.seed}"]
  train_raw:
    matrix: { seed: "${train_raw.seeds}" }
    cmd: echo ${item.seed} > raw-${item.seed}
    deps: [rows]
    outs: ["raw-${item.seed}"]
  answer:
    foreach: ${arms}
    do:
      cmd: cat model-1 model-2 model-3 raw-1 > ${key}.answers
      deps: [model-1, model-2, model-3, raw-1]
      outs: ["${key}.answers"]
  score:
    foreach: ${arms}
    do:
      cmd: python score.py ${key}
      deps: ["${key}.answers"]
      outs: ["${key}.scores"]
"""
SCORE = f"""{WAIT}
at = os.environ["OPENAI_BASE_URL"]
urllib.request.urlopen(at + "/models").read()
pathlib.Path("judges").open("a").write(at + chr(10))
pathlib.Path(sys.argv[1] + ".scores").write_text("two at once" if two("scoring") else "alone")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A pipeline of trainings that wait until two are under way; the working folder, two cores, no GPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name, text in {"train.py": TRAIN, "score.py": SCORE, "dvc.yaml": DVC, "source": "rows ", "failing": ""}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "models").symlink_to(ROOT / "models")
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], check=True)
    return tmp_path


def changed() -> int:
    return subprocess.run(["dvc", "status", "--quiet"], check=False).returncode


@pytest.mark.slow
def test_trainings_and_scores_run_at_once_and_leave_nothing_to_do(project):
    together.main()
    assert [(project / f"model-{seed}").read_text() for seed in (1, 2, 3)] == ["rows 1", "rows 2", "rows 3"]
    scores = [path.read_text() for path in project.glob("*.scores")]
    assert scores == ["two at once"] * len(load_arms())
    assert len(set((project / "judges").read_text().split())) == 1, "one judge for all"
    assert (project / "raw-1").exists() and changed() == 0
    assert together.lacking() == []


@pytest.mark.slow
def test_a_training_that_fails_is_told_by_the_status_and_costs_no_other(project):
    (project / "failing").write_text("2")
    with pytest.raises(SystemExit) as stop:
        together.main()
    assert stop.value.code == 1
    assert not (project / "model-2").exists() and together.lacking(*together.trainings()) == ["train@2"]
    assert not list(project.glob("*.answers"))


@pytest.mark.parametrize("reason", ["GPU", "processes", "size"])
def test_one_training_follows_the_other_where_they_would_share_what_one_uses_whole(project, monkeypatch, reason):
    assert together.trainings() == ["train@1", "train@2", "train@3", "train_raw@1"]
    match reason:
        case "GPU":
            monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        case "processes":
            monkeypatch.setenv("CLOSEDBOOK_ACCELERATE", str(ROOT / "configs" / "ddp.yaml"))
        case "size":
            monkeypatch.setattr(model, "SMALL", 1_000_000)
    assert together.trainings() == []


def test_a_judge_elsewhere_is_not_asked_for_two_scores_at_once(project, monkeypatch):
    assert together.scores() == [f"score@{arm}" for arm in load_arms()]
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert together.scores() == []


def test_one_core_does_nothing_at_once(project, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    together.main()
    assert not (project / "rows").exists()


def test_what_trainings_and_scores_read_is_made_before_them():
    assert set(together.MODELS) == {stage for stage in graph() if stage.startswith("train")}
    assert together.needed(together.trainings()) == ["chunk", "curate", "lesson", "open_book", "redact", "student"]
    assert together.needed(together.scores()) == ["answer", "chunk", "exam"]
