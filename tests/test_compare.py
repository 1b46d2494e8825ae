"""The verdict follows from the answers, its costs from what was measured, and the report says both."""

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from parts import metrics, prices, report
from parts.errors import Mistake
from schemas.questions import Questions
from schemas.scores import Scores
from stages import compare
from tests import readme
from tests.code import ROOT

GIVEN = compare.Params(accuracy="exact", resamples=500, seed=1)


def right(tuned: str, rag: str) -> pl.DataFrame:
    columns = {"base": "0" * len(rag), "rag": rag, "tuned": tuned, "tuned_rag": rag, "oracle": "1" * len(rag)}
    ids = {"question_id": [f"q{n}" for n in range(len(rag))]}
    return pl.DataFrame(ids | {arm: [int(c) for c in hits] for arm, hits in columns.items()})


@pytest.mark.parametrize(
    ("tuned", "rag", "verdict"),
    [
        ("1" * 40, "10" * 20, "tuned"),
        ("10" * 20, "1" * 40, "rag"),
        ("10" * 20, "01" * 20, "undecided"),
        ("10" * 20, "10" * 20, "undecided"),
    ],
)
def test_the_verdict_is_the_side_that_the_interval_lies_on(tuned, rag, verdict):
    found = compare.compare(right(tuned, rag), GIVEN)
    assert found["verdict"] == verdict
    assert found["n_questions"] == 40
    assert found["accuracy_oracle"] == 1
    assert found["accuracy_base_hi"] > 0


@pytest.fixture
def run(workplace):
    """A small finished run: two kinds of question, scores of every arm, clocks, and what teaching took."""
    rows = [
        {
            "question_id": f"q{n}",
            "doc_id": None,
            "kind": "fact" if n < 6 else "unanswerable",
            "question": "?",
            "options": None,
        }
        | {"reference": "x", "answerable": n < 6, "gold_chunk_ids": []}
        for n in range(8)
    ]
    Questions.write(Questions.frame(rows))
    for at, arm in enumerate(compare.ARMS):
        scores = [
            {
                "question_id": f"q{n}",
                "scorer": scorer,
                "version": "1",
                "value": float(n <= at) if n else None,
                "reason": None,
            }
            for n in range(8)
            for scorer in ("exact", "judge")
        ]
        Scores.write(Scores.frame(scores), arm)
        metrics.write(f"clock/{arm}", {"mean_ms": 100.0 if "rag" in arm else 20.0, "p50_ms": 90.0})
        metrics.write(f"score/{arm}", {"faithfulness": 0.5, "answer_relevancy": None})
    for name in workplace.params["synthesize"]:
        metrics.write(f"synthesize/{name}", {"prompt_tokens": 1_000_000, "new_tokens": 500_000})
    metrics.write("train", {"seconds": 3600.0})
    (workplace.path / "plots").mkdir()
    return workplace


def test_an_answer_that_nobody_could_judge_counts_as_wrong(run):
    assert compare.rightness("exact", Questions.read())["oracle"].to_list() == [0, 1, 1, 1, 1, 0, 0, 0]


def test_the_whole_verdict_is_flat_sorted_and_without_nan(run):
    compare.main()
    text = (run.path / "metrics/verdict.json").read_text()
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert list(found) == sorted(found)
    assert not any(isinstance(value, dict | list) for value in found.values())
    arms = {f"accuracy_{arm}{end}" for arm in compare.ARMS for end in ("", "_lo", "_hi")}
    gap = {"tuned_minus_rag", "tuned_minus_rag_lo", "tuned_minus_rag_hi", "mcnemar_p", "verdict", "n_questions"}
    assert arms | gap | {"judge", "teacher", "student"} <= set(found)
    kinds = json.loads((run.path / "metrics/kinds.json").read_text())
    assert (kinds["fact_n"], kinds["unanswerable_n"]) == (6, 2)
    assert len(json.loads((run.path / "plots/accuracy.json").read_text())) == 5
    assert "Undecided" in report.text() or "wins" in report.text()
    assert "set of rules" in report.text()


def test_costs_follow_from_prices_tokens_and_seconds(run):
    price = prices.load()
    found = compare.costs(price, "rules-2", list(run.params["synthesize"]))
    assert found["cost_per_1000_rag"] == pytest.approx(100 / 3600 * price.machine_per_hour)
    assert found["cost_upfront_tuned"] == pytest.approx(price.machine_per_hour)
    assert found["break_even_questions"] == round(price.machine_per_hour / (0.08 / 3600 * price.machine_per_hour))
    paid = prices.Prices(dated="2026-01-01", machine_per_hour=1, models={"m": {"prompt": 2, "new": 10}})
    assert compare.costs(paid, "m", list(run.params["synthesize"]))["cost_upfront_tuned"] == pytest.approx(
        2 * (2 + 5) + 1
    )
    assert compare.costs(paid, "unknown", [])["cost_upfront_tuned"] is None


def test_a_broken_price_list_is_told(workplace):
    (workplace.path / "prices.yaml").write_text("dated: 2026-01-01\n")
    with pytest.raises(Mistake, match="machine_per_hour"):
        prices.load()


def test_a_weak_student_is_called_weak(run):
    compare.main()
    verdict = metrics.read("verdict") | {"accuracy_oracle": 0.1}
    metrics.write("verdict", verdict)
    assert "too weak for these documents" in report.text()


def test_the_report_of_no_run_says_what_to_do(workplace):
    from tests.ending import ended

    assert "make repro" in ended(report.main)


@pytest.mark.parametrize("mark", readme.MEASURED)
def test_the_committed_readme_shows_what_was_committed_with_it(tmp_path, monkeypatch, mark):
    held = subprocess.run(["git", "archive", "HEAD", "README.md", "metrics"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x"], cwd=tmp_path, input=held.stdout, check=True)
    monkeypatch.chdir(tmp_path)  # a run that is not committed yet may differ, in its latencies at least
    shown = Path("README.md").read_text().split(f"<!-- {mark} -->")[1]
    assert shown.strip() == readme.MEASURED[mark]().strip(), "README.md: run `make readme`"


def test_the_readme_shows_the_tree(monkeypatch):
    monkeypatch.chdir(ROOT)
    shown = (ROOT / "README.md").read_text().split("<!-- tree -->")[1]
    assert shown.strip() == readme.tree().strip(), "README.md: run `make readme`"
