"""make history lists the runs in git, each compared with the one before."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from commands import git, history
from parts.project import machine, metrics
from tests.helpers import git_runs
from tests.helpers.cli import error_line

SUBJECT = "Twice the rank | <b>wins</b> @all"


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A repository of two runs, a commit that is none, and two experiments on the first: a whole one, one of scores alone."""
    home = tmp_path_factory.mktemp("three")
    with git_runs.repository(home):
        git_runs.params(train={"rank": 8, "old": True}, gone={"knob": 1})
        git_runs.figures({"tuned": 0.3}, verdict="rag")
        first = git_runs.commit("The first run")
        git_runs.params(train={"rank": 8, "old": True}, gone={"knob": 2})
        git_runs.figures({"tuned": 0.4, "rag": 0.25}, verdict="tuned")
        experiment("whole", first)
        git_runs.figures({"tuned": 0.3}, verdict="rag")
        metrics.write("score/rag", {"exact": 0.75})
        experiment("scores-alone", first)
        Path("notes.txt").write_text("nothing of a run")
        git_runs.commit("Notes")
        git_runs.params(train={"rank": 16}, redact={"private": "mask"})
        git_runs.figures({"tuned": 0.6}, verdict="undecided")
        costs = {"upfront_tuned": 0.5, "per_1000_tuned": 0.00005, "per_1000_rag": 0.03}
        machine.write("cost", costs | {"break_even_questions_lo": 15_000, "break_even_questions_hi": 25_000})
        git_runs.commit(SUBJECT)
    return home


def experiment(name: str, on: str) -> None:
    """Store the working tree as DVC stores an experiment, and reset it."""
    git_runs.git("add", "-A")
    git_runs.git("commit", "-q", "-m", f"dvc: commit experiment {name}")
    git_runs.git("update-ref", f"refs/exps/{on[:2]}/{on[2:]}/{name}", "HEAD")
    git_runs.git("reset", "-q", "--hard", on)


@pytest.fixture
def here(three, monkeypatch):
    monkeypatch.chdir(three)


def by_name() -> dict[str, history.Entry]:
    return {entry.revision.name: entry for entry in history.entries()}


def test_commits_come_newest_first_each_followed_by_its_experiments(here):
    names = [entry.revision.subject or entry.revision.name for entry in history.entries()]
    assert names == [SUBJECT, "The first run", "scores-alone", "whole"]


def test_a_run_is_listed_with_changed_params_verdict_accuracies_and_costs(here):
    latest, first = (entry for entry in history.entries() if entry.revision.subject)
    assert latest.params == "gone removed, redact new, train.old removed, train.rank 8 -> 16"
    assert latest.verdict == "undecided, tuned - rag 0.100 (0.000 to 0.200)"
    assert latest.accuracies["tuned"] == "0.600 (0.300 to 0.800)"
    assert (
        latest.cost
        == "upfront $0.50, 1,000 by tuned $0.000050, 1,000 by rag $0.030, break-even after 15,000 to 25,000 questions"
    )
    assert first.cost == "", "a run from before there was a metrics/machine/cost.json"
    assert (first.params, first.verdict.split(",")[0]) == ("the first run", "rag wins")


def test_an_experiment_is_compared_with_the_commit_it_was_run_on(here):
    whole, part = by_name()["whole"], by_name()["scores-alone"]
    assert whole.params == "gone.knob 1 -> 2"
    assert whole.verdict.startswith("tuned wins") and whole.accuracies["rag"] == "0.250 (0.125 to 0.625)"
    assert (part.verdict, part.accuracies, part.params) == ("no verdict", {"rag": "0.750"}, "")


def test_the_list_fits_a_terminal_and_its_markdown_is_a_table_without_markup_of_subjects(here, capsys):
    history.main()
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 120
    assert "    Twice the rank" in text
    history.main(md=True)
    html = MarkdownIt("commonmark").enable("table").render(capsys.readouterr().out)
    assert html.count("<tr>") == 5 and html.count("<td>") == 4 * 13 and "<b>" not in html


def test_hundreds_of_runs_are_listed_by_as_many_git_processes_as_a_few(here, tmp_path, monkeypatch):
    processes, run_git = [], git.run_git
    monkeypatch.setattr(git, "run_git", lambda *words, **options: processes.append(words) or run_git(*words, **options))
    history.entries()
    few = len(processes)
    shutil.copytree(".", tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    verdict = json.loads(Path("metrics/verdict.json").read_text())
    stream = []
    for n in range(300):
        data = json.dumps(verdict | {"accuracy_tuned": n / 1000})
        who = f"committer runs <runs@example.org> {2_000_000_000 + n} +0000"
        stream += ["commit refs/heads/main", who, "data 3", "run", *([] if n else ["from refs/heads/main^0"])]
        stream += ["M 100644 inline metrics/verdict.json", f"data {len(data)}", data]
    subprocess.run(["git", "fast-import", "--quiet"], input="\n".join(stream) + "\n", text=True, check=True)
    processes.clear()
    assert len(history.entries()) == 304
    assert len(processes) == few


def test_a_repository_without_a_run_ends_with_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "git log" in error_line(history.main) or "not a git repository" in error_line(history.main)
    git_runs.begin()
    Path("a").write_text("a")
    git_runs.commit("Nothing yet")
    assert "commit a run" in error_line(history.main)
