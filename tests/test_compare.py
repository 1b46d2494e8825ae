"""The verdict follows from the answers, in all, by kind and by studied documents; sentences put it into words."""

import json
import math

import polars as pl
import pytest

from commands import verdict
from parts.project import metrics
from parts.project.arms import load_arms
from parts.verdict import comparison, sentences, stats, subgroups
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from schemas.questions import Questions
from schemas.scores import Scores
from stages import compare, cost
from tests.helpers import sample_metrics
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

PARAMS = comparison.CompareParams(accuracy="exact", resamples=500, seed=1)


def right(tuned: str, rag: str) -> pl.DataFrame:
    columns = {
        "base": "0" * len(rag),
        "rag": rag,
        "raw": rag,
        "tuned": tuned,
        "tuned_rag": rag,
        "oracle": "1" * len(rag),
    }
    ids = {"question_id": [f"q{n}" for n in range(len(rag))]}
    return pl.DataFrame(ids | {arm: [int(c) for c in hits] for arm, hits in columns.items()})


@pytest.mark.parametrize(
    ("tuned", "rag", "winner"),
    [
        ("1" * 40, "10" * 20, "tuned"),
        ("10" * 20, "1" * 40, "rag"),
        ("10" * 20, "01" * 20, "undecided"),
        ("10" * 20, "10" * 20, "undecided"),
    ],
)
def test_the_verdict_is_undecided_unless_the_interval_excludes_0(tuned, rag, winner):
    values = comparison.compare(right(tuned, rag), load_arms(ROOT / "params.yaml"), PARAMS)
    assert values["verdict"] == winner
    assert values["n_questions"] == 40
    assert values["accuracy_oracle"] == 1
    assert values["accuracy_base_hi"] > 0


def passage(doc_id: str) -> dict:
    text = {"start": 0, "end": 4, "page": 1, "heading": "T", "text": "text", "n_tokens": 1}
    return {"chunk_id": f"{doc_id}#001", "doc_id": doc_id} | text


def pair(doc_id: str, split: str) -> dict:
    rest = {"kind": "qa", "prompt": "?", "reasoning": "", "completion": "x", "teacher": "t", "n_tokens": 2}
    return {
        "pair_id": f"{doc_id} {split}",
        "chunk_id": f"{doc_id}#001",
        "doc_id": doc_id,
        "generator": "qa",
        "split": split,
    } | rest


@pytest.fixture
def run(workplace):
    """A small finished run: two kinds of question, of documents studied and not, scores of every arm, and its metrics."""
    rows = [
        {"question_id": f"q{n}", "doc_id": None, "kind": "fact" if n < 6 else "unanswerable", "question": "?", "options": None}
        | {"reference": "x", "answerable": n < 6, "gold_chunk_ids": [["a#001" if n < 4 else "b#001"]] if n < 6 else []}
        for n in range(8)
    ]  # fmt: skip
    Questions.write(Questions.frame(rows))
    Chunks.write(Chunks.frame([passage("a"), passage("b")]))
    Pairs.write(Pairs.frame([pair("a", "train"), pair("b", "dev")]))
    for index, arm in enumerate(("base", "rag", "tuned", "tuned_rag", "oracle", "raw")):
        scores = [
            {"question_id": f"q{n}", "seed": 0, "scorer": scorer, "version": "1", "reason": None}
            | {"value": float(n <= index) if n else None}
            for n in range(8)
            for scorer in ("exact", "judge")
        ]  # fmt: skip
        Scores.write(Scores.frame(scores), arm)
        metrics.write(f"score/{arm}", {"faithfulness": 0.5, "answer_relevancy": None})
    sample_metrics.write(list(workplace.params["synthesize"]))
    (workplace.path / "plots").mkdir()
    cost.main()
    return workplace


def test_an_answer_without_a_score_counts_as_wrong(run):
    assert compare.rightness("exact", Questions.read())["oracle"].to_list() == [0, 1, 1, 1, 1, 0, 0, 0]


def test_arms_scored_by_different_versions_are_not_compared(run):
    Scores.write(Scores.read("rag").with_columns(version=pl.lit("exact 0")), "rag")
    assert "different versions" in error_line(compare.main)


def test_the_whole_verdict_is_flat_sorted_and_without_nan(run):
    compare.main()
    text = (run.path / "metrics/verdict.json").read_text()
    values = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert list(values) == sorted(values)
    assert not any(isinstance(value, dict | list) for value in values.values())
    arms = {f"accuracy_{arm}{end}" for arm in load_arms() for end in ("", "_lo", "_hi")}
    difference = {"tuned_minus_rag", "tuned_minus_rag_lo", "tuned_minus_rag_hi", "mcnemar_p", "verdict", "n_questions"}
    assert arms | difference | {"judge", "teacher", "student"} <= set(values)
    kinds = json.loads((run.path / "metrics/kinds.json").read_text())
    assert (kinds["fact_n"], kinds["unanswerable_n"]) == (6, 2)
    assert len(json.loads((run.path / "plots/accuracy.json").read_text())) == len(load_arms())
    assert sentences.sentence().startswith("Undecided. Over 8 questions, tuned minus rag is +0.125 (")
    assert sentences.sentence() in verdict.text()
    assert "set of rules" in verdict.text()


def test_a_question_is_of_studied_documents_when_all_its_evidence_is():
    chunks = Chunks.frame([passage(name) for name in "abc"])
    pairs = Pairs.frame([pair("a", "train"), pair("b", "train"), pair("c", "dev")])
    gold = {
        "one": [["a#001"]], "both": [["a#001"], ["b#001"]], "half": [["a#001"], ["c#001"]],
        "either": [["a#001", "c#001"]], "neither": [["c#001"]], "nothing": [],
    }  # fmt: skip
    questions = pl.DataFrame({"question_id": list(gold), "gold_chunk_ids": list(gold.values())})
    groups = dict(subgroups.by_study(questions, chunks, pairs).rows())
    assert {name for name, group in groups.items() if group == "studied"} == {"one", "both", "either"}
    assert {name for name, group in groups.items() if group == "unstudied"} == {"half", "neither"}
    assert groups["nothing"] == "no_evidence"


def test_accuracy_is_split_by_documents_studied_or_not(run):
    compare.main()
    values = metrics.read("studied")
    assert (values["studied_n"], values["unstudied_n"], values["no_evidence_n"]) == (4, 2, 2)
    assert values["studied_tuned"] == pytest.approx(
        2 / 4
    )  # of q0 to q3, tuned is right in q1 and q2; q0 was not judged
    assert values["unstudied_oracle"] == pytest.approx(1 / 2)


def test_a_kind_of_few_questions_has_no_interval_and_one_of_many_has():
    kinds = pl.DataFrame({"question_id": [f"q{n}" for n in range(60)], "group": ["few"] * 10 + ["many"] * 50})
    values = subgroups.effects(right("1" * 60, "01" * 30), kinds, 500, 1)
    assert values["few_tuned_minus_rag"] == 0.5
    assert math.isnan(values["few_tuned_minus_rag_lo"])
    assert 0 < values["many_tuned_minus_rag_lo"] < 0.5 < values["many_tuned_minus_rag_hi"] < 1
    unadjusted = stats.mcnemar([1] * 50, [0, 1] * 25)
    assert unadjusted < values["many_mcnemar_p"] <= 2 * unadjusted  # one of two


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "per 1,000: break-even at 44,"),
        ({"upfront_tuned": None, "break_even_questions": None}, "no price for rules-2"),
        ({"break_even_questions": None}, "never becomes cheaper than RAG."),
        ({"monthly_change": 0.0}, "250 questions."),
    ],
)
def test_the_cost_sentence_names_the_break_even(run, change, words):
    compare.main()
    metrics.write("cost", metrics.read("cost") | change)
    assert words in sentences.cost_sentence()
    assert sentences.cost_sentence() in verdict.text() and sentences.cost_sentence() in sentences.markdown()


@pytest.mark.parametrize(
    ("winner", "more", "start", "end"),
    [
        ("tuned", 0, "Fine-tuning wins. Over 8 questions, tuned minus rag is ", "."),
        ("rag", 0, "RAG wins. Over 8 questions, tuned minus rag is ", "."),
        ("undecided", 1200, "Undecided. ", ": about 1,200 more questions like these would decide it with 80% power."),
        ("undecided", None, "Undecided. ", ": they tie."),
    ],
)
def test_the_verdict_sentence_names_the_winner_then_the_figures(run, winner, more, start, end):
    compare.main()
    metrics.write("verdict", metrics.read("verdict") | {"verdict": winner, "additional_questions": more})
    assert sentences.sentence().startswith(start) and sentences.sentence().endswith(end)


def test_a_weak_student_is_called_weak(run):
    compare.main()
    metrics.write("verdict", metrics.read("verdict") | {"accuracy_oracle": 0.41})
    assert "With the gold passages this student answers 41% correctly: too weak for these documents" in verdict.text()


def test_the_verdict_of_no_run_is_an_error_that_names_the_command(workplace):
    assert "make repro" in error_line(verdict.main)
