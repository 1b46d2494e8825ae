"""What is tuned is tuned on development questions, and what is chosen is what is best there."""

import json
from pathlib import Path

import polars as pl
import pytest

from parts import answering, params, store, tuned
from schemas.chunks import Chunks
from schemas.pairs import Pairs
from stages import index, tune
from tests import code
from tests.ending import ended
from tests.retrieval import passages


def pair(n: int, prompt: str, completion: str, chunk_id: str | None, **changed) -> dict:
    row = {
        "pair_id": f"p{n}", "chunk_id": chunk_id, "doc_id": "d", "generator": "qa", "kind": "qa", "prompt": prompt,
        "reasoning": "", "completion": completion, "teacher": "t", "split": "train", "n_tokens": 1,
    }  # fmt: skip
    return row | changed


def pairs(*rows: dict) -> pl.DataFrame:
    return Pairs.frame(list(rows))


def test_development_questions_are_one_a_fact_the_held_out_first_and_nothing_replayed():
    kept = pairs(
        pair(1, "a?", "A", "c0"), pair(2, "a, please?", "A", "c0"), pair(3, "b?", "B", "c1", split="dev"),
        pair(4, "general?", "G", None, generator="replay"), pair(5, "", "a text", "c1", kind="document"),
    )  # fmt: skip
    assert tune.development(kept, 9) == [("b?", "B", "c1"), ("a?", "A", "c0")]
    assert tune.development(kept, 1) == [("b?", "B", "c1")]


def test_the_exam_is_no_dependency_of_tuning():
    listed = code.graph()["tune"]["deps"]
    assert not [dep for dep in listed if "questions" in dep or "exam" in dep or dep.startswith("data/contexts")]
    assert "questions" not in {path.stem for path in code.closure(Path("stages/tune.py"))}


def test_of_values_that_do_equally_well_the_first_is_chosen():
    assert tune.best([4, 2, 8, 6], {4: 0.1, 2: 0.5, 8: 0.5, 6: 0.2}.get) == (2, {4: 0.1, 2: 0.5, 8: 0.5, 6: 0.2})


def test_the_reciprocal_rank_is_that_of_the_passage_that_was_asked_about():
    asked = [("?", "A", "c1"), ("?", "B", "c9")]
    assert tune.found(asked, [[("c0", 1.0), ("c1", 0.5)], [("c0", 1.0)]]) == pytest.approx((1 / 2 + 0) / 2)


@pytest.fixture
def company(workplace, monkeypatch, qwen, tmp_path):
    """Passages of which words alone tell one, and a student that says nothing sensible."""
    monkeypatch.setattr(store, "FOLDER", tmp_path / "postgres")
    workplace.change("student", "model", str(qwen))
    workplace.change("answer", "max_new_tokens", 4)
    workplace.change("tune", "words", [0.0, 1.0])
    workplace.change("tune", "passages", [2, 1])
    texts = [
        f"{'A ticket was closed by the help desk. ' * 40} {n * 7919}" for n in range(30)
    ]  # vectors are of the start
    Chunks.write(passages(*texts))
    Pairs.write(pairs(*(pair(n, f"Who closed {n * 7919}?", "the help desk", f"c{n}") for n in range(1, 20))))
    return workplace


def test_the_store_is_filled_the_weight_is_chosen_and_both_are_on_record(company):
    index.main()
    held = json.loads((company.path / "metrics/index.json").read_text())
    assert held["rows"] == 30 and held["recall_at_10"] == 1
    (company.path / "metrics/tune.json").unlink()
    tune.main()
    found = json.loads((company.path / "metrics/tune.json").read_text())
    assert found["words"] == 1.0 and found["mrr_words_1.0"] == 1 > found["mrr_words_0.0"]
    assert found["questions"] == 19 and {"f1_passages_1", "f1_passages_2"} <= set(found)
    assert tuned.read().words == 1.0
    assert params.load("answer", answering.Params).passages == found["passages"]


def test_without_a_question_to_choose_by_one_line_says_what_is_missing(company):
    Pairs.write(pairs(pair(1, "", "a text", "c1", kind="document")))
    assert "a generator of them, as qa" in ended(tune.main)
