"""A run that is worse than a revision, by more than params.yaml allows, ends with the reason; all else is printed."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from commands import gate
from parts.project import metrics
from parts.project.errors import UserError
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

COMMITTED = {"accuracy_tuned": 0.6, "accuracy_tuned_lo": 0.5, "accuracy_tuned_hi": 0.7, "scorer": "exact"}


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)


def commit(message: str, **verdict) -> None:
    metrics.write("verdict", COMMITTED | verdict)
    git("add", "metrics")
    git("commit", "-m", message)


@pytest.fixture
def history(workplace):
    """A repository with two commits: accuracy 0.4 in the first, 0.6 in the second; the gate holds accuracy_tuned."""
    git("init", "-b", "main")
    commit("first", accuracy_tuned=0.4, accuracy_tuned_lo=0.3, accuracy_tuned_hi=0.5)
    commit("second")
    workplace.change("gate", "hold", {"accuracy_tuned": "interval"})
    return workplace


def test_what_falls_below_its_interval_ends_the_run_with_one_line(history):
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.49})
    line = error_line(gate.main)
    assert "accuracy_tuned is 0.49, was 0.6 (0.5 to 0.7), must be at least 0.5" in line
    assert "HEAD" in line


def test_what_stays_within_its_interval_passes(history, capsys):
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.51})
    gate.main()
    assert "nothing is worse than at HEAD" in capsys.readouterr().out


def test_the_revision_may_be_another_by_params_or_by_argument(history):
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.35})
    gate.main("HEAD~1")
    assert "worse than at HEAD" in error_line(gate.main)
    history.change("gate", "against", "HEAD~1")
    gate.main()
    assert "worse than at main" in error_line(gate.main, "main")


def test_a_number_is_how_much_less_passes(history):
    history.change("gate", "hold", {"accuracy_tuned": 0.02})
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.58})
    gate.main()
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.57})
    assert "must be at least 0.58" in error_line(gate.main)


def test_without_metrics_to_hold_git_is_not_read(workplace, capsys):
    metrics.write("verdict", COMMITTED)
    workplace.change("gate", "hold", {})
    gate.main()
    assert "no metrics to compare" in capsys.readouterr().out


@pytest.mark.parametrize("revision", ["origin/main", "HEAD~7", "--output=x", "no such"])
def test_a_revision_that_is_not_in_the_clone_is_printed_and_fails_nothing(history, capsys, revision):
    gate.main(revision)
    assert f"nothing to compare with: there is no revision {revision}" in capsys.readouterr().out


def test_a_shallow_clone_compares_with_what_it_has(history, tmp_path, monkeypatch, capsys):
    git("clone", "--depth", "1", f"file://{history.path}", str(tmp_path / "clone"))
    shutil.copy(history.path / "params.yaml", tmp_path / "clone")
    monkeypatch.chdir(tmp_path / "clone")
    gate.main("HEAD~1")
    assert "no revision HEAD~1 in this clone" in capsys.readouterr().out
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.1})
    assert "worse than at HEAD" in error_line(gate.main)


def test_no_repository_and_a_commit_without_metrics_are_printed(workplace, capsys):
    workplace.change("gate", "hold", {"accuracy_tuned": "interval"})
    metrics.write("verdict", COMMITTED)
    gate.main()
    assert "nothing to compare with" in capsys.readouterr().out
    git("init")
    git("add", "params.yaml")
    git("commit", "-m", "no metrics")
    gate.main()
    assert "HEAD has no readable metrics/verdict.json" in capsys.readouterr().out


def test_a_metric_that_did_not_exist_is_printed_and_the_others_are_compared(history, capsys):
    history.change("gate", "hold", {"accuracy_new": 0.1, "accuracy_tuned": "interval"})
    metrics.write("verdict", COMMITTED | {"accuracy_new": 0.2})
    gate.main()
    assert "accuracy_new did not exist" in capsys.readouterr().out
    metrics.write("verdict", COMMITTED | {"accuracy_new": 0.2, "accuracy_tuned": 0.1})
    assert "accuracy_tuned is 0.1" in error_line(gate.main)


def test_accuracies_by_two_scorers_are_not_compared(history, capsys):
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.1, "scorer": "judge"})
    gate.main()
    assert "not compared: scored by judge here and by exact at HEAD" in capsys.readouterr().out


@pytest.mark.parametrize("hold", [{"acuracy": "interval"}, {"scorer": 1}, {"n_questions": "interval"}])
def test_a_key_that_the_verdict_lacks_is_an_error(hold):
    with pytest.raises(UserError, match=r"gate\.hold"):
        gate.gate(COMMITTED | {"n_questions": 9}, COMMITTED, hold)


@pytest.mark.parametrize("tolerance", [-0.1, 0, "most"])
def test_a_tolerance_that_means_nothing_is_an_error(history, tolerance):
    history.change("gate", "hold", {"accuracy_tuned": tolerance})
    assert "bad value for gate.hold.accuracy_tuned" in error_line(gate.main)


@pytest.mark.slow
def test_a_worse_verdict_ends_the_command_with_the_reason_and_a_better_one_passes_wherever_head_is(history):
    command = [sys.executable, "-m", "commands.gate"]
    gate = lambda: subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})  # noqa: E731
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.49})
    stopped = gate()
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("error: worse than at HEAD: accuracy_tuned is 0.49")
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.65})
    assert gate().returncode == 0
    git("add", "metrics")
    git("commit", "-m", "HEAD moves")
    assert gate().returncode == 0
    metrics.write("verdict", COMMITTED | {"accuracy_tuned": 0.49})
    assert "is 0.49, was 0.65" in gate().stderr


def test_make_and_ci_run_the_gate_after_the_pipeline():
    for path in ("Makefile", ".github/scripts/verdict.sh"):
        text = (ROOT / path).read_text()
        assert text.index("dvc repro") < text.index("commands.gate"), path
    assert "gate" not in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
