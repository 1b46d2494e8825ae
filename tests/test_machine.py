"""What a clock says is kept apart: a rerun of an unchanged commit changes metrics/machine and nothing else."""

import os
import sys
from pathlib import Path

import pytest
import yaml

from parts.project import machine
from stages import cost
from tests.helpers import git_runs, sample_metrics
from tests.helpers.source_code import ROOT

TIMING = (
    "from tests.helpers.sample_metrics import write_latency as w; import time; w(p50_ms_rag=time.perf_counter() % 60)"
)


@pytest.fixture
def pipeline(workplace, monkeypatch):
    """A repository at a finished run of two stages: one that is timed, and the repository's own `cost`."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    git_runs.begin()
    sample_metrics.write(list(workplace.params["synthesize"]))
    body = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["cost"]
    body["deps"] = [dep for dep in body["deps"] if Path(dep).exists()]
    timed = {"cmd": f'python -c "{TIMING}"', "deps": ["prices.yaml"], "outs": ["data/timed/latency"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"timed": timed, "cost": body}}))
    repro(force=True)
    git_runs.commit("a run", tables=())
    return workplace


def repro(force: bool = False) -> set[str]:
    """Run the pipeline, and return the stages that ran."""
    from dvc.repo import Repo

    with Repo() as repo:
        return {stage.addressing for stage in repo.reproduce(force=force)}


def changed() -> set[str]:
    """Return the paths that git calls changed or new."""
    return {line.split()[-1] for line in git_runs.git("status", "--porcelain").splitlines()}


@pytest.mark.slow
def test_a_clean_rerun_of_a_commit_changes_metrics_machine_and_nothing_else(pipeline):
    from dvc.repo import Repo

    before = machine.read("latency")["p50_ms_rag"]
    assert repro(force=True) == {"timed", "cost"}
    assert machine.read("latency")["p50_ms_rag"] != before
    assert changed() == {"metrics/machine/latency.json"}
    with Repo() as repo:
        assert repo.metrics.diff().get("diff", {}) == {}


@pytest.mark.slow
def test_costs_follow_seconds_of_which_dvc_knows_nothing(pipeline):
    before = machine.read("cost")["training"]
    for seed in sample_metrics.SEEDS:
        machine.write(f"train/adapter/{seed}", {"seconds": 7200.0, "clock": "cpu"} | sample_metrics.HERE, "a training")
    assert repro() == {"cost"} and "dvc.lock" not in changed()
    assert machine.read("cost")["training"] == pytest.approx(2 * before, rel=1e-3)


@pytest.mark.slow
def test_a_clone_without_what_was_timed_times_it_again_and_another_run_does_not(pipeline):
    assert repro() == {"cost"} and changed() == set()
    Path("data/timed/latency").unlink()
    for cache in (".dvc/cache", ".dvc/tmp"):
        git_runs.git("clean", "-fdxq", cache)
    assert repro() == {"timed", "cost"} and changed() == {"metrics/machine/latency.json"}


def test_figures_of_other_results_than_the_present_ones_are_not_read(workplace):
    machine.write("latency", {"p50_ms_rag": 1.0}, ["the answers"])
    assert machine.read("latency")["p50_ms_rag"] == 1.0
    machine.TIMED.joinpath("latency").write_text("of the answers that DVC restored\n")
    assert machine.read("latency") == {}
    machine.TIMED.joinpath("latency").unlink()
    assert machine.read("latency")["p50_ms_rag"] == 1.0, "a clone reads the committed ones"
    assert machine.read("nothing") == {}


def test_every_file_names_the_machine(workplace):
    machine.write("latency", {"p50_ms_rag": 1.0})
    values = machine.read("latency")
    assert values["cpu"] and values["threads"] >= 1 and values["load"] >= 0
    assert set(machine.DESCRIPTION) < set(values)


def test_the_stage_of_costs_names_the_machine_that_answers_were_timed_on(workplace):
    sample_metrics.write(list(workplace.params["synthesize"]))
    cost.main()
    assert {key: machine.read("cost")[key] for key in machine.DESCRIPTION} == sample_metrics.HERE
