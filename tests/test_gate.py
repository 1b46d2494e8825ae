"""A run that is worse than earlier ones, by more than params.yaml allows, ends with the reason; all else is printed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from scipy.stats import binom

from commands import gate, paired_runs
from parts.project import metrics
from parts.project.errors import UserError
from tests.helpers import git_runs
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

N = 140
IDS = [f"q{n:03}" for n in range(N)]
VERDICT = {"scorer": "exact", "scorer_version": "words-2", "exam_sha": "e1", "judge": "j-1", "n_questions": N}


def result(tuned: list[float], rag: list[float] | None = None, **verdict) -> None:
    """Write exam, scores and verdict of a run; `tuned`, `rag`: by question, whether it is right; rag's default: all."""
    exam = pl.DataFrame({"question_id": IDS, "question": IDS, "answerable": [n % 2 == 0 for n in range(N)]})
    Path("data").mkdir(exist_ok=True)
    exam.write_parquet("data/questions.parquet")
    values = dict(VERDICT)
    for arm, right in {"tuned": tuned, "rag": rag or [1.0] * N}.items():
        write_scores(arm, IDS, right)
        mean = sum(right) / N
        values |= {f"accuracy_{arm}": round(mean, 4), f"accuracy_{arm}_lo": round(mean - 0.08, 4)}
    values["tuned_minus_rag"] = values["accuracy_tuned"] - values["accuracy_rag"]
    metrics.write("verdict", values | verdict)


def write_scores(arm: str, ids: list[str], *right: list[float | None]) -> None:
    """Write the scores of an arm, `right` by training seed."""
    rows = [
        {"question_id": id_, "seed": seed, "scorer": "exact", "version": "words-2", "value": value, "reason": None}
        for seed, values in enumerate(right, 1)
        for id_, value in zip(ids, values, strict=True)
    ]
    file = Path(f"data/scores/{arm}.parquet")
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)  # DVC's cache may be the same file
    pl.DataFrame(rows).write_parquet(file)


def first(n: int) -> list[float]:
    """Return the answers of a run that has the first `n` questions right."""
    return [float(index < n) for index in range(N)]


@pytest.fixture(scope="module")
def four_runs(tmp_path_factory):
    """A repository of git and DVC with commits of 60, 70, 80 (tag best), then 75 of 140 right by tuned."""
    home = tmp_path_factory.mktemp("runs")
    with git_runs.repository(home):
        git_runs.params(gate={"against": "HEAD", "hold": {"accuracy_tuned": "paired"}})
        for n in (60, 70, 80, 75):
            result(first(n))
            git_runs.commit(f"{n} right")
        git_runs.git("tag", "best", "HEAD~1")
    return home


@pytest.fixture
def history(four_runs, tmp_path, monkeypatch):
    """A copy of four_runs, the working directory."""
    shutil.copytree(four_runs, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def hold(against: int | str = "HEAD", **tolerances: str | float) -> None:
    git_runs.params(gate={"against": against, "hold": tolerances or {"accuracy_tuned": "paired"}})


def printed(capsys, *arguments: str) -> str:
    gate.main(*arguments)
    return capsys.readouterr().out


def test_eleven_answers_lost_and_none_won_end_the_run_though_the_interval_holds_the_accuracy(history):
    hold("best")
    result(first(69))
    assert metrics.read("verdict")["accuracy_tuned"] > 0.571 - 0.08, "the interval of the tag would pass it"
    line = error_line(gate.main)
    assert "accuracy_tuned is 0.4929, was 0.5714 at best: 11 of 140 questions worse, 0 better, p < 0.001" in line


def test_as_many_answers_lost_among_many_that_changed_are_chance_and_pass(history, capsys):
    swapped = [0.0] * 31 + [1.0] * 44 + [1.0] * 26 + [0.0] * 39  # 31 of 75 lost, 26 won
    result(swapped)
    assert "nothing is worse than before: accuracy_tuned is 0.5, was 0.5357 at HEAD: 31 of 140" in printed(capsys)


def test_the_best_of_the_last_runs_catches_the_decline_that_each_step_hides(history, capsys):
    result(first(72))
    assert "nothing is worse" in printed(capsys)  # 75 to 72, after 80 to 75
    hold(3)
    assert "was 0.5714 at" in error_line(gate.main)
    hold(1)
    assert "was 0.5357 at" in printed(capsys)


def test_a_run_has_to_be_worse_by_more_the_more_runs_it_is_compared_with(history, capsys):
    result(first(74))
    hold("best")
    assert "6 of 140 questions worse, 0 better" in error_line(gate.main)
    hold(4)  # below 0.05 / 4
    assert "6 of 140 questions worse, 0 better" in printed(capsys)


def test_another_revision_is_compared_beside_those_of_params(history, capsys):
    result(first(72))
    assert "nothing is worse" in printed(capsys)
    assert "was 0.5714 at best" in error_line(gate.main, "best")
    assert "was 0.5357 at HEAD" in printed(capsys, "HEAD~2")


def test_a_difference_to_rag_and_its_part_on_answerable_questions_are_tested_on_both_arms(history):
    hold("HEAD", tuned_minus_rag="paired", answerable_tuned_minus_rag="paired")
    result(first(75), answerable_tuned_minus_rag=-0.2)
    git_runs.commit("with its parts")
    lost = [0.0 if n in range(0, 40, 2) else value for n, value in enumerate(first(75))]
    result(lost, answerable_tuned_minus_rag=-0.5)
    line = error_line(gate.main)
    assert "tuned_minus_rag is -0.6071, was -0.4643 at HEAD: 20 of 140 questions worse" in line
    assert "answerable_tuned_minus_rag is -0.5, was -0.2 at HEAD: 20 of 70 questions worse" in line


def test_what_was_not_scored_in_either_run_is_left_out(history, capsys):
    write_scores("tuned", IDS, [None if index < 20 else value for index, value in enumerate(first(75))])
    assert "0 of 120 questions worse, 0 better, p 1" in printed(capsys)


def test_several_training_seeds_count_by_their_mean(history):
    write_scores("tuned", IDS, first(75), first(63), first(63))
    metrics.write("verdict", metrics.read("verdict") | {"accuracy_tuned": 0.4786})
    assert "12 of 140 questions worse, 0 better, p < 0.001" in error_line(gate.main)
    write_scores("tuned", IDS, first(75), first(73), first(73))
    values = paired_runs.question_values(lambda path: Path(path).read_bytes(), "accuracy_tuned", "exact")
    assert values.sort("question_id")["value"].to_list()[72:76] == [
        1.0,
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
        0.0,
    ]


@pytest.mark.parametrize(
    ("key", "value"), [("exam_sha", "e2"), ("scorer", "judge"), ("scorer_version", "words-0"), ("judge", "j-2")]
)
def test_runs_by_another_exam_scorer_or_judge_are_not_compared_and_the_difference_is_printed(
    history, capsys, key, value
):
    result(first(10), **{key: value})
    output = printed(capsys)
    assert f"gate: not compared with HEAD: {key} is {value} here and {VERDICT[key]} there" in output
    assert "worse" not in output


def test_of_the_last_runs_those_by_another_exam_are_left_out(history, capsys):
    result(first(90), exam_sha="e2")
    git_runs.commit("an easier exam")
    hold(4)  # 90 left out, 75, 80, 70
    result(first(60))
    line = error_line(gate.main)
    assert "was 0.5714 at" in line
    assert capsys.readouterr().out.count("gate: not compared with") == 1


@pytest.mark.parametrize("accuracy", [69, 60])
def test_without_the_answers_of_a_run_its_interval_decides_and_one_line_says_so(history, capsys, accuracy):
    shutil.rmtree(".dvc/cache")
    hold("best")
    result(first(accuracy))  # the interval begins at 0.491
    text = error_line(gate.main) if accuracy == 60 else printed(capsys)
    assert "(by its interval: the answers of best are neither in DVC's cache nor at a remote" in text
    assert "must be at least 0.4914" in text


def test_a_number_is_how_much_less_passes(history, capsys):
    hold("HEAD", accuracy_tuned=0.02)
    result(first(75), accuracy_tuned=0.5157)
    assert "nothing is worse" in printed(capsys)
    result(first(75), accuracy_tuned=0.5156)
    assert "must be at least 0.5157" in error_line(gate.main)


def test_without_metrics_to_hold_git_is_not_read(workplace, capsys):
    metrics.write("verdict", VERDICT)
    assert "no metrics to compare" in printed(capsys)


@pytest.mark.parametrize("revision", ["origin/main", "HEAD~7", "--output=x", "no such"])
def test_a_revision_that_is_not_in_the_clone_is_printed_and_fails_nothing(history, capsys, revision):
    assert f"nothing to compare with: there is no revision {revision}" in printed(capsys, revision)


def test_a_shallow_clone_compares_with_what_it_has(history, tmp_path, monkeypatch):
    git_runs.git("clone", "-q", "--depth", "1", f"file://{history}", str(tmp_path / "clone"))
    shutil.copytree(history / ".dvc/cache", tmp_path / "clone/.dvc/cache")
    monkeypatch.chdir(tmp_path / "clone")
    hold(5)
    result(first(60))
    assert "was 0.5357 at" in error_line(gate.main)


def test_no_repository_and_a_commit_without_metrics_are_printed(workplace, capsys):
    metrics.write("verdict", VERDICT | {"accuracy_tuned": 0.5})
    hold()
    assert "nothing to compare with" in printed(capsys)
    git_runs.git("init")
    git_runs.git("add", "params.yaml")
    git_runs.git("commit", "-m", "no metrics")
    assert "HEAD has no readable metrics/verdict.json" in printed(capsys)


def test_a_metric_that_did_not_exist_is_printed_and_the_others_are_compared(history, capsys):
    hold("HEAD", accuracy_new=0.1, accuracy_tuned="paired")
    result(first(75), accuracy_new=0.2)
    assert "accuracy_new did not exist" in printed(capsys)
    result(first(40), accuracy_new=0.2)
    assert "accuracy_tuned is 0.2857" in error_line(gate.main)


@pytest.mark.parametrize(("metric", "tolerance"), [("acuracy", "paired"), ("scorer", 1), ("n_questions", "paired")])
def test_a_key_that_cannot_be_held_is_an_error(history, metric, tolerance):
    hold("HEAD", **{metric: tolerance})
    with pytest.raises(UserError, match=rf"gate\.hold\.{metric}"):
        gate.main()


@pytest.mark.parametrize("tolerance", [-0.1, 0, "most"])
def test_a_tolerance_that_means_nothing_is_an_error(history, tolerance):
    hold("HEAD", accuracy_tuned=tolerance)
    assert "bad value for gate.hold.accuracy_tuned" in error_line(gate.main)


def test_the_sign_flip_test_of_single_answers_is_mcnemars_mid_p():
    for lost, won in ((1, 0), (5, 0), (11, 0), (13, 2), (2, 13)):
        n, least = lost + won, min(lost, won)
        mid_p = 2 * binom.cdf(least, n, 0.5) - binom.pmf(least, n, 0.5)
        differences = [-1.0] * lost + [1.0] * won + [0.0] * 9
        assert paired_runs.sign_flip_p(differences) == pytest.approx(mid_p)
    assert paired_runs.sign_flip_p([0.0] * 9) == paired_runs.sign_flip_p([]) == 1


def test_the_sign_flip_test_of_means_counts_all_signs_whatever_their_order():
    differences = np.array([1 / 3, -2 / 3, -1.0, -1 / 2, -1 / 3, 0.0])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1)
    sums, total = np.round(signs.T @ np.abs(differences[:5]), 9), 13 / 6
    mid_p = (sums > total + 1e-6).mean() * 2 + np.isclose(sums, total).mean()
    assert paired_runs.sign_flip_p(differences) == pytest.approx(mid_p)
    assert paired_runs.sign_flip_p(differences[::-1]) == paired_runs.sign_flip_p(-differences) == pytest.approx(mid_p)


def test_runs_of_one_recipe_fail_no_more_often_than_the_level():
    rng, failures = np.random.default_rng(1), 0
    for _ in range(400):
        chances = rng.beta(0.4, 0.3, 60)  # of a right answer, by question; three trainings a run
        now, before = (rng.binomial(3, chances) / 3 for _ in range(2))
        failures += paired_runs.paired_p(now, before) < 0.05
    assert 0.02 < failures / 400 < 0.075


@pytest.mark.slow
def test_a_worse_verdict_ends_the_command_with_the_reason_and_a_better_one_passes(history):
    command, environment = [sys.executable, "-m", "commands.gate"], os.environ | {"PYTHONPATH": str(ROOT)}
    result(first(60))
    stopped = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("error: worse than before: accuracy_tuned is 0.4286")
    result(first(76))
    assert subprocess.run(command, capture_output=True, text=True, env=environment).returncode == 0


def test_make_and_ci_run_the_gate_after_the_pipeline():
    for path in ("Makefile", ".github/scripts/verdict.sh"):
        text = (ROOT / path).read_text()
        assert text.index("dvc repro") < text.index("commands.gate"), path
    assert "gate" not in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
