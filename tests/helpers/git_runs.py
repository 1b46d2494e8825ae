"""A small repository of git and DVC whose commits are runs: questions, answers, scores, params and metrics."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import yaml

from parts.project import machine, metrics
from parts.project.arms import load_arms
from schemas.answers import Answers
from schemas.questions import Questions
from schemas.scores import Scores
from tests.helpers.source_code import ROOT

ARMS = {name: arm.model_dump() for name, arm in load_arms(ROOT / "params.yaml").items()}
TABLES = ("data/answers", "data/questions.parquet", "data/scores")
QUESTIONS = {f"q{n}": (f"What is the price of Lamp {n}?", f"{n} euros") for n in range(1, 7)}


def git(*words: str, at: Path = Path(".")) -> str:
    """Return git's output, with an author of the tests."""
    person = ["-c", "user.name=runs", "-c", "user.email=runs@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *person, *words], cwd=at, check=True, capture_output=True, text=True).stdout.strip()


def questions(texts: dict[str, tuple[str, str]] = QUESTIONS) -> None:
    """Write Questions, one a key, all about single facts."""
    rows = [
        {
            "question_id": key, "doc_id": "lamps.md", "kind": "fact", "question": question, "options": None,
            "references": [reference], "answerable": True, "gold_chunk_ids": [],
        }
        for key, (question, reference) in texts.items()
    ]  # fmt: skip
    Questions.write(Questions.frame(rows))


def answers(arm: str, texts: dict[str, str], version: str = "exact 1") -> None:
    """Write the Answers of an arm and their Scores: an answer that is the reference is right."""
    empty = dict.fromkeys(Answers.types())
    rows = [
        empty | {"question_id": key, "seed": 0, "response": f"It says so.\nAnswer: {text}", "passages": 0, "prompt_tokens": 9,
         "new_tokens": 5, "stopped": True}
        for key, text in texts.items()
    ]  # fmt: skip
    Answers.write(Answers.frame(rows), arm)
    scores = [
        {
            "question_id": key,
            "seed": 0,
            "scorer": "exact",
            "version": version,
            "value": float(text == QUESTIONS[key][1]),
            "reason": None,
        }
        for key, text in texts.items()
    ]
    Scores.write(Scores.frame(scores), arm)


def figures(accuracy: dict[str, float], **verdict) -> None:
    """Write metrics as the stages write them, with `accuracy` by arm; the arms are those of the repository."""
    values = {"scorer": "exact", "n_questions": 6, "teacher": "t-1", "judge": "t-1", "student": "m"}
    for arm in ARMS:
        value = accuracy.get(arm, 0.5)
        values |= {f"accuracy_{arm}": value, f"accuracy_{arm}_lo": value / 2, f"accuracy_{arm}_hi": value / 2 + 0.5}
        metrics.write(
            f"score/{arm}", {"exact": value, "faithfulness": None, "in_form": 1.0, "cut_off": 0.0, "empty": 0.0}
        )
    machine.write("latency", {f"{key}_{arm}": ms for arm in ARMS for key, ms in (("p50_ms", 12.0), ("mean_ms", 13.0))})
    gap = values["accuracy_tuned"] - values["accuracy_rag"]
    values |= {"tuned_minus_rag": gap, "tuned_minus_rag_lo": gap - 0.1, "tuned_minus_rag_hi": gap + 0.1}
    values |= {
        f"answerable_{key}": values[key] for key in ("tuned_minus_rag", "tuned_minus_rag_lo", "tuned_minus_rag_hi")
    }
    values |= {"n_answerable": 6, "n_unanswerable": 0, "n_seeds": 1, "n_documents": 6, "document_correlation": None}
    values |= {
        "answerable_tuned_minus_rag_p": 0.5,
        "verdict": "undecided",
        "verdict_reason": None,
        "least_difference": 0.5,
    }
    sizes = ("5_points", "10_points", "this", "the_most")
    values |= {f"questions_for_{name}": 40 for name in sizes} | verdict
    metrics.write("verdict", values)
    metrics.write("train/adapter/1", {"tokens": 1000, "rows": 10})
    metrics.write("synthesize/qa", {"prompt_tokens": 300, "new_tokens": 200, "requests": 5})


def costs() -> None:
    """Write the metrics of costs: $2.50 upfront, and $0.25 for a thousand questions by any arm."""
    machine.write("cost", {f"per_1000_{arm}": 0.25 for arm in ARMS} | {"upfront_tuned": 2.5})
    metrics.write("cost", {"teacher_qa": 1.0, "monthly_change": 0.0, "months": 12})


def params(**sections) -> None:
    """Write params.yaml, with the shipped arms."""

    Path("params.yaml").write_text(yaml.safe_dump({"arms": ARMS} | sections))


def begin() -> None:
    """Make the working directory a repository of git and DVC."""
    from dvc.repo import Repo

    git("init", "-q", ".")
    Repo.init(".").close()


@contextmanager
def repository(home: Path) -> Iterator[None]:
    """Begin a repository in `home`, the working directory within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        begin()
        yield


def commit(subject: str, tables: tuple[str, ...] = TABLES) -> str:
    """Add the existing `tables` to DVC and all else to git; return the commit's hash."""
    from dvc.repo import Repo

    existing = [path for path in tables if Path(path).exists()]
    if existing:
        with Repo() as repo:
            repo.add(existing)
    git("add", "-A")
    git("commit", "-q", "-m", subject)
    return git("rev-parse", "HEAD")


def table(path: str) -> pl.DataFrame:
    """Return a table, unchecked."""
    return pl.read_parquet(path)
