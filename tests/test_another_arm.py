"""An arm that is added to params.yaml alone is shown wherever arms are shown: page, model card, comment, diff, history."""

import json
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from commands import answer_flips, comment, diff, history
from parts.page import model_card
from parts.project import metrics, params
from parts.project.sections import Student
from parts.student.recipe import Recipe
from schemas.answers import Answers
from schemas.documents import Documents
from schemas.pairs import Pairs
from schemas.scores import Scores
from stages import report
from tests.helpers import git_runs, sample_run
from tests.helpers.source_code import ROOT

pytestmark = pytest.mark.slow
ARM = {"rag_dense": {"model": "student", "retriever": "dense", "description": "as released, vectors alone"}}


def write_run(more_arms: dict) -> None:
    """Write the run in the working directory, as the stages would."""
    sample_run.finish(Path(), more_arms)
    metrics.write("train/adapter/1", {"tokens": 1000, "steps": 4, "trainable_parameters": 7})
    for generator in params.names("synthesize"):
        metrics.write(f"synthesize/{generator}", {"prompt_tokens": 300, "new_tokens": 200, "requests": 5})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A repository of two runs, without and with the arm; in the working tree one of its wrong answers has become right."""
    home = tmp_path_factory.mktemp("another")
    with git_runs.repository(home):
        shutil.copy(ROOT / "prices.yaml", "prices.yaml")
        write_run({})
        git_runs.commit("six arms")
        write_run(ARM)
        git_runs.commit("a seventh")
        answers, scores = Answers.read("rag_dense").to_dicts(), Scores.read("rag_dense").to_dicts()
        answers[1]["response"], scores[1]["value"] = "Answer: exactly 1 euros", 1.0
        for path in ("data/answers", "data/scores"):
            Path(path, "rag_dense.parquet").unlink()  # DVC's cache may be the same file
        Answers.write(Answers.frame(answers), "rag_dense")
        Scores.write(Scores.frame(scores), "rag_dense")
    return home


@pytest.fixture(autouse=True)
def here(run, monkeypatch):
    monkeypatch.chdir(run)


def test_the_page_shows_it_in_every_table_and_chart_and_in_every_answer():
    page = BeautifulSoup(report.PAGE.read_text(), "html.parser")
    first_cells = {
        id_: [row.th.text for row in page.find(id=id_).find_all("tr")] for id_ in ("accuracy", "cost", "latency")
    }
    assert all("rag_dense" in cells for cells in first_cells.values()), first_cells
    assert "rag_dense" in page.find(id="gaps").table.text
    row = page.find(attrs={"aria-label": "The arms"}).find_all("tr")[-1]
    assert "as released, vectors alone" in row.text and "arm-8" in row.i["class"]
    assert all("var(--arm-8)" in str(page.find(id=id_).svg) for id_ in ("accuracy", "gaps", "cost"))
    assert "rag_dense" in page.find(id="latency").svg.text
    assert "rag_dense" in [column.text for column in page.find(id="kinds-title").parent.find_all("th")]
    assert page.find("select", {"data-arm": "rag_dense"})["data-colour"] == "8"
    exam = json.loads(page.find(id="exam").string)
    assert all("rag_dense" in question["answers"] for question in exam["questions"])


def test_the_model_card_shows_its_accuracy():
    documents = Documents.frame([{"doc_id": "lamp.md", "title": "Lamp", "text": "It costs 0 euros."}])
    recipe = Recipe.model_validate(sample_run.params()["train"])
    card = model_card.card(documents, Pairs.read(), Student(model="m"), recipe)
    assert "| rag_dense | as released, vectors alone | 0.500 | 0.377 to 0.623 |" in card


def test_the_comment_shows_its_scores_its_new_metrics_and_its_flips():
    text = comment.comment(git_runs.git("rev-parse", "HEAD"), 60.0)
    assert "| rag_dense | 0.333 | 1.000 | 0.500 | 0.377 to 0.623 |" in text
    assert "rag_dense: of 60 questions, 1 became right and 0 wrong" in text
    text = comment.comment(git_runs.git("rev-parse", "HEAD~1"), 60.0)
    assert "| `accuracy_rag_dense` | `-` | `0.500 (0.377 to 0.623)` |" in text


def test_diff_shows_its_params_its_metrics_and_its_flips(capsys):
    diff.main("HEAD~1", machine=True)
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    assert {
        "arms.rag_dense.retriever",
        "accuracy_rag_dense",
        "rag_dense_minus_rag",
        "machine/latency.p50_ms_rag_dense",
    } <= set(names)
    flips = answer_flips.flipped(answer_flips.compare_answers(git_runs.git("rev-parse", "HEAD"), "HEAD"))
    assert flips.select("arm", "question", "right_now").rows() == [("rag_dense", "What does the lamp 0 cost?", 1.0)]


def test_history_shows_its_accuracy_from_the_run_that_has_it():
    latest, first = history.entries()
    assert latest.accuracies["rag_dense"] == "0.500 (0.377 to 0.623)"
    assert "rag_dense" not in first.accuracies
    assert "rag_dense" in history.to_text([latest]) and "rag_dense" in history.to_markdown([latest, first])
