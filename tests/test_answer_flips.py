"""make diff shows what changed since a revision: params, metrics with the most important first, and flipped answers."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from commands import answer_flips, diff, git
from parts.project import machine, metrics
from parts.project.errors import UserError
from parts.project.files import write_json
from parts.text import markdown
from tests.helpers import git_runs
from tests.helpers.cli import error_line

RIGHT = {key: reference for key, (_, reference) in git_runs.QUESTIONS.items()}
WRONG = dict.fromkeys(RIGHT, "a gift")
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "see `www.example.org`|<img src=x> @someone **now**\n[a](https://example.org) #1"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A repository with two commits, at the second: tuned gained q1 and q2 and lost q3; rag only reworded q1."""
    home = tmp_path_factory.mktemp("two")
    with git_runs.repository(home):
        git_runs.params(train={"rank": 8, "epochs": 4}, old={"knob": 1})
        git_runs.questions()
        git_runs.answers("tuned", WRONG | {"q3": RIGHT["q3"]})
        git_runs.answers("rag", WRONG)
        git_runs.figures({"tuned": 0.2})
        metrics.write("scaling", {"rag_accuracy": 0.5, "qa": {"accuracy": [0.1]}})
        first = git_runs.commit("the first run")
        git_runs.params(train={"rank": 16, "epochs": 4}, redact={"private": "mask"})
        git_runs.answers("tuned", WRONG | {"q1": RIGHT["q1"], "q2": RIGHT["q2"]})
        git_runs.answers("rag", WRONG | {"q1": HOSTILE})
        git_runs.figures({"tuned": 0.3}, verdict="tuned")
        machine.write("latency", machine.read("latency") | {"p50_ms_tuned": 14.0})
        write_json(Path("metrics/machine/plots/latency.json"), [{"arm": "rag"}])
        git_runs.commit("the second run")
    return home, first


@pytest.fixture
def here(two, monkeypatch):
    monkeypatch.chdir(two[0])
    return two[1]


def test_flipped_questions_are_shown_with_both_answers_and_the_reference(here):
    flips = answer_flips.flipped(answer_flips.compare_answers(here, "HEAD~1"))
    by_id = {row["question_id"]: (row["response"], row["response_now"], row["right_now"]) for row in flips.to_dicts()}
    assert set(flips["arm"]) == {"tuned"}
    assert {key: right for key, (_, _, right) in by_id.items()} == {"q1": True, "q2": True, "q3": False}
    assert by_id["q1"][0].endswith("a gift") and by_id["q1"][1].endswith("1 euros")
    text = answer_flips.to_text(answer_flips.compare_answers(here, "HEAD~1"), "HEAD~1")
    assert "tuned: of 6 questions, 2 became right and 1 wrong; 0 more answers are worded differently" in text
    assert "rag: of 6 questions, 0 became right and 0 wrong; 1 more answers are worded differently" in text
    assert "  + What is the price of Lamp 1?  [1 euros]\n      a gift  ->  1 euros\n" in text
    assert "  - What is the price of Lamp 3?  [3 euros]\n      3 euros  ->  a gift" in text


def test_seconds_are_compared_only_where_they_are_asked_for(here, capsys):
    diff.main("HEAD~1")
    assert "p50_ms" not in capsys.readouterr().out


def test_accuracy_with_its_interval_comes_before_counts_and_times_come_last(here, capsys):
    diff.main("HEAD~1", machine=True)
    output = capsys.readouterr().out
    places = [
        output.index(word)
        for word in (
            "train.rank",
            "accuracy_tuned",
            "score/tuned.exact",
            "they vary from run to run",
            "machine/latency.p50_ms_tuned",
            "tuned: of 6",
        )
    ]
    assert places == sorted(places)
    line = next(line for line in output.splitlines() if "accuracy_tuned" in line)
    assert line.split("  ", 2)[2].split() == "0.200 (0.100 to 0.600) 0.300 (0.150 to 0.650) +0.100".split()
    assert "accuracy_tuned_lo" not in output and "accuracy_rag" not in output
    sections = {
        line.split()[0]: line.split()[1:] for line in output.splitlines() if line.startswith("  ") and line.strip()
    }
    assert sections["train.rank"] == ["8", "16", "+8"]
    assert sections["redact"] == ["-", "new"] and sections["old"] == ["present", "-"]


def test_the_same_tree_has_no_changes(here, capsys):
    diff.main("HEAD")
    output = capsys.readouterr().out
    assert "no change" in output and "became right" in output and "score/" not in output and "+ What" not in output


def test_markdown_has_texts_of_documents_and_models_as_code(here, monkeypatch):
    both = answer_flips.compare_answers(here, "HEAD~1").with_columns(response_now=pl.lit(f"Answer: {HOSTILE}"))
    html = GITHUB.render(answer_flips.to_markdown(both, "HEAD~1"))
    assert "<a" not in html and "<img" not in html and "<strong>" not in html
    outside = "".join(part.split("</code>")[-1] for part in html.split("<code>"))
    assert "@" not in outside and "#1" not in outside
    assert html.count("<tr>") == 4


@given(st.text(max_size=80))
@example(HOSTILE)
@example("``` `` \\|\\` ")
def test_nothing_that_is_quoted_is_markup(text):
    html = GITHUB.render(markdown.table(("a", "b"), [(markdown.code_span(text), "end")]))
    cells = html.split("<tbody>")[1]
    assert cells.count("<td>") == 2 and "<a" not in cells and "<img" not in cells
    inside = cells.split("<td>")[1].split("</td>")[0]
    assert inside == "-" or (inside.startswith("<code>") and inside.endswith("</code>") and inside.count("<") == 2)


def test_a_revision_whose_tables_are_gone_still_has_its_params_and_metrics(here, tmp_path, monkeypatch, capsys):
    shutil.copytree(".", tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    shutil.rmtree(".dvc/cache")
    diff.main("HEAD~1")
    output = capsys.readouterr().out
    assert "train.rank" in output
    assert "the answers of HEAD~1 are neither in DVC's cache nor at a remote" in output.splitlines()[-1]


def test_tables_that_are_at_a_remote_are_fetched(here, tmp_path, monkeypatch):
    shutil.copytree(".", tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    shutil.move(".dvc/cache/files", tmp_path / "remote")
    (tmp_path / "remote").rename(tmp_path / "files")
    Path(".dvc/config.local").write_text(f"[core]\n    remote = far\n['remote \"far\"']\n    url = {tmp_path}\n")
    assert len(answer_flips.flipped(answer_flips.compare_answers(here, "HEAD~1"))) == 3


def test_answers_graded_by_another_version_of_the_scorer_have_a_caution(here, tmp_path, monkeypatch):
    shutil.copytree(".", tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    for path in Path("data/scores").glob("*.parquet"):
        table = git_runs.table(path).with_columns(version=pl.lit("exact 2"))
        path.unlink()  # DVC's cache may be the same file
        table.write_parquet(path)
    assert "Scorers differ: exact 1 at HEAD~1, exact 2 now." in answer_flips.to_text(
        answer_flips.compare_answers(here, "HEAD~1"), "HEAD~1"
    )


def test_another_exam_has_no_question_in_common(here, tmp_path, monkeypatch):
    shutil.copytree(".", tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    Path("data/questions.parquet").unlink()
    git_runs.questions(
        {key: (f"{question} In euros?", reference) for key, (question, reference) in git_runs.QUESTIONS.items()}
    )
    assert "no question and arm in common" in answer_flips.describe(here, "HEAD~1", answer_flips.to_text)


def test_before_a_run_there_is_one_line(here, tmp_path, monkeypatch):
    shutil.copytree(".", tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    shutil.rmtree("data/answers")
    assert "run `dvc repro`" in answer_flips.describe(here, "HEAD~1", answer_flips.to_text)
    assert "\n" not in answer_flips.describe(here, "HEAD~1", answer_flips.to_text)


def test_an_unknown_revision_ends_with_one_line(here):
    assert "no revision 'nowhere'" in error_line(diff.main, "nowhere")
    with pytest.raises(UserError):
        git.resolve("")
