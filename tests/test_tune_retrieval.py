"""Retrieval is tuned on development questions, and the best values there are chosen."""

import json
from pathlib import Path

import polars as pl
import pytest

from parts.answering import arm_engine
from parts.project import params
from parts.retrieval import tuned_settings, tuning
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from stages import index, tune_retrieval
from tests.helpers import source_code
from tests.helpers.cli import error_line
from tests.helpers.retrieval import passages


def pair(n: int, prompt: str, completion: str, chunk_id: str | None, **changed) -> dict:
    row = {
        "pair_id": f"p{n}", "chunk_id": chunk_id, "doc_id": "d", "other_chunk_ids": [], "generator": "qa", "kind": "qa",
        "answerable": True, "prompt": prompt,
        "reasoning": "", "completion": completion, "teacher": "t", "split": "train", "n_tokens": 1,
    }  # fmt: skip
    return row | changed


def pairs(*rows: dict) -> pl.DataFrame:
    return Pairs.frame(list(rows))


def test_development_questions_are_one_per_fact_with_the_fewest_words_of_its_passage_and_none_replayed():
    texts = {"c0": ("Leave", "The notice period is 12 days."), "c1": ("Lamp", "The lamp costs 9 euros.")}
    table = pairs(
        pair(1, "What is the notice period?", "12 days", "c0"), pair(2, "How early must I ask?", "12 days", "c0"),
        pair(3, "What price?", "9 euros", "c1", split="dev"), pair(4, "?", "G", None, generator="replay"),
        pair(5, "", "a text", "c1", kind="document"),
    )  # fmt: skip
    wanted = [("How early must I ask?", "12 days", "c0"), ("What price?", "9 euros", "c1")]
    assert tuning.development(table, texts, 9) == wanted
    assert tuning.development(table, texts, 1) == wanted[:1]


def test_the_exam_is_no_dependency_of_tuning():
    listed = source_code.graph()["tune_retrieval"]["deps"]
    assert not [dep for dep in listed if "questions" in dep or "exam" in dep or dep.startswith("data/contexts")]
    assert "questions" not in {path.stem for path in source_code.closure(Path("stages/tune_retrieval.py"))}


def test_between_values_without_a_clear_difference_the_first_is_chosen():
    clear = [1.0] * 90 + [0.0] * 10
    nearly, worse = [1.0] * 88 + [0.0] * 12, [1.0] * 80 + [0.0] * 20
    assert tuning.best({4: worse, 2: clear, 1: nearly}) == 2
    assert tuning.best({4: worse, 1: nearly, 2: clear}) == 1
    assert tuning.best({3: [0.5]}) == 3


def test_the_reciprocal_rank_is_that_of_the_questions_own_passage():
    questions = [("?", "A", "c1"), ("?", "B", "c9")]
    assert tuning.reciprocal_ranks(questions, [[("c0", 1.0), ("c1", 0.5)], [("c0", 1.0)]]) == [0.5, 0.0]


@pytest.fixture
def company(workplace, qwen, embedded_postgres):
    """Passages of which words alone tell one, and a student that says nothing sensible."""
    workplace.change("student", "model", str(qwen))
    workplace.change("answer", "max_new_tokens", 4)
    workplace.change("tune_retrieval", "lexical_weights", [0.0, 1.0])
    workplace.change("tune_retrieval", "passages", [2, 1])
    texts = [
        f"{'A ticket was closed by the help desk. ' * 40} {n * 7919}" for n in range(30)
    ]  # vectors are of the start
    Chunks.write(passages(*texts))
    Pairs.write(pairs(*(pair(n, f"Who closed {n * 7919}?", "the help desk", f"c{n}") for n in range(1, 20))))
    return workplace


@pytest.mark.slow
def test_the_store_is_filled_the_weight_is_chosen_and_both_are_in_metrics(company):
    index.main()
    manifest = json.loads((company.path / "metrics/index.json").read_text())
    assert manifest["rows"] == 30 and manifest["recall_at_10"] == 1
    (company.path / "metrics/tune_retrieval.json").unlink()
    tune_retrieval.main()
    chosen = json.loads((company.path / "metrics/tune_retrieval.json").read_text())
    assert chosen["lexical_weight"] == 1.0 and chosen["mrr_lexical_1.0"] == 1 > chosen["mrr_lexical_0.0"]
    assert chosen["questions"] == 19 and {"f1_passages_1", "f1_passages_2"} <= set(chosen)
    assert tuned_settings.read().lexical_weight == 1.0
    assert params.load("answer", arm_engine.AnswerParams).passages == chosen["passages"]


def test_without_development_questions_one_line_says_what_is_missing(company):
    Pairs.write(pairs(pair(1, "", "a text", "c1", kind="document")))
    assert "a generator of questions, as qa" in error_line(tune_retrieval.main)


@pytest.mark.parametrize(("f1", "is_weak"), [(0.0, True), (0.19, True), (0.2, False)])
def test_a_student_that_cannot_read_the_passages_is_called_weak_before_anything_is_answered(f1, is_weak):
    assert ("too weak for these documents" in tune_retrieval.weakness(f1)) == is_weak
