"""Retrieval is tuned on development questions, and the best values there are chosen."""

import json
from pathlib import Path

import pytest

from parts.answering import arm_engine
from parts.project import params
from parts.retrieval import tuned_settings, tuning
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.development import Development
from stages import index, tune_retrieval
from tests.helpers import source_code
from tests.helpers.cli import error_line
from tests.helpers.retrieval import passages


def test_the_exam_is_no_dependency_of_tuning():
    listed = source_code.graph()["tune_retrieval"]["deps"]
    assert "data/development.parquet" in listed
    assert not [dep for dep in listed if dep.startswith(("data/questions", "data/exam", "data/contexts", "data/pairs"))]
    assert "Questions" not in Path("stages/tune_retrieval.py").read_text()


def test_between_values_without_a_clear_difference_the_first_is_chosen():
    clear = [1.0] * 90 + [0.0] * 10
    nearly, worse = [1.0] * 88 + [0.0] * 12, [1.0] * 80 + [0.0] * 20
    assert tuning.best({4: worse, 2: clear, 1: nearly}) == 2
    assert tuning.best({4: worse, 1: nearly, 2: clear}) == 1
    assert tuning.best({3: [0.5]}) == 3


def test_the_reciprocal_rank_is_that_of_the_first_passage_of_each_piece_of_evidence():
    gold = [[["c1"]], [["c9"]], [], [["c9", "c1"], ["c0"]]]
    rows = [question(n, answerable=True) | {"gold_chunk_ids": pieces} for n, pieces in enumerate(gold)]
    hits = [(f"q{n}", rank, chunk_id) for n in range(4) for rank, chunk_id in enumerate(("c0", "c1"), 1)]
    contexts = [
        {"question_id": key, "rank": rank, "chunk_id": chunk_id, "score": 1 / rank} for key, rank, chunk_id in hits
    ]
    assert tuning.reciprocal_ranks(Contexts.frame(contexts), Development.frame(rows)) == [0.5, 0.0, 0.75]


def question(n: int, answerable: bool) -> dict:
    row = {
        "question_id": f"q{n}",
        "doc_id": None,
        "kind": "fact",
        "question": f"Who closed {n * 7919}?",
        "options": None,
    }
    row |= {"references": ["the help desk"] if answerable else [], "answerable": answerable}
    return row | {"gold_chunk_ids": [[f"c{n}"]] if answerable else []}


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
    Development.write(Development.frame([question(n, answerable=n < 17) for n in range(1, 20)]))
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
    Development.write(Development.frame([question(1, answerable=False)]))
    assert "no development question has an answer in a passage" in error_line(tune_retrieval.main)


@pytest.mark.parametrize(("f1", "is_weak"), [(0.0, True), (0.19, True), (0.2, False)])
def test_a_student_that_cannot_read_the_passages_is_called_weak_before_anything_is_answered(f1, is_weak):
    assert ("too weak for these documents" in tune_retrieval.weakness(f1)) == is_weak
