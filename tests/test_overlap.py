"""How much of the exam the training rows ask: by fact and by meaning."""

import json
from pathlib import Path

import numpy as np
import pytest

from parts.curation.exam_overlap import exam_overlap, overlap_shares
from parts.verdict.exam_cautions import exam_cautions
from schemas.pairs import Pairs
from schemas.questions import Questions
from stages import overlap

VECTORS = {
    "What does Lamp 200 cost?": (1, 0, 0),
    "How much is Lamp 200?": (0.96, 0.28, 0),
    "How much is Lamp 900?": (1, 0, 0),
    "Who made Lamp 200?": (0, 1, 0),
    "What colour is Lamp 200?": (0.6, 0.8, 0),
    "Who may borrow a lamp?": (0, 0, 1),
}


def embed(texts: list[str]) -> np.ndarray:
    return np.array([VECTORS[text] for text in texts])


def question(text: str, reference: str, gold: list[str], kind: str = "fact") -> dict:
    row = {
        "question_id": text,
        "doc_id": None,
        "kind": kind,
        "question": text,
        "options": None,
        "references": [reference],
    }
    return row | {"answerable": bool(gold), "gold_chunk_ids": [gold] if gold else []}


def pair(prompt: str, completion: str, chunk_id: str = "lamp#1", **other: str) -> dict:
    row = {
        "pair_id": f"{prompt} {completion} {chunk_id}",
        "chunk_id": chunk_id,
        "doc_id": "lamp",
        "other_chunk_ids": [],
        "answerable": True,
        "generator": "qa",
    }
    row |= {"kind": "qa", "prompt": prompt, "reasoning": "", "completion": completion, "teacher": "t"}
    return row | {"split": "train", "n_tokens": 9} | other


EXAM = [
    question("What does Lamp 200 cost?", "430 euros", ["lamp#1"]),
    question("What colour is Lamp 200?", "red", ["lamp#2"]),
    question("Who may borrow a lamp?", "", [], "unanswerable"),
]


def of(*rows: dict) -> dict[str, dict]:
    table = exam_overlap(Questions.frame(EXAM), Pairs.frame(list(rows)), embed)
    return {row["question_id"]: row for row in table.to_dicts()}


def test_a_fact_is_asked_by_a_row_of_a_gold_passage_with_its_answer():
    cost = "What does Lamp 200 cost?"
    assert of(pair("How much is Lamp 200?", "430 Euros."))[cost]["asked"]
    assert of(pair("How much is Lamp 200?", "it costs 430 euros"))[cost]["asked"]
    assert of(pair("How much is Lamp 200?", "430"))[cost]["asked"]
    assert not of(pair("How much is Lamp 200?", "43"))[cost]["asked"], "words are compared whole"
    assert not of(pair("How much is Lamp 200?", "430 euros", "lamp#2"))[cost]["asked"], "it is another passage"
    assert not of(pair("How much is Lamp 200?", "430 euros", generator="replay"))[cost]["asked"]
    assert not of(pair("How much is Lamp 200?", "430 euros", kind="document"))[cost]["asked"]


def test_without_a_gold_passage_nobody_knows_whether_the_fact_is_asked():
    assert of(pair("How much is Lamp 200?", "430 euros"))["Who may borrow a lamp?"]["asked"] is None


def test_a_row_is_near_by_meaning_only_with_all_names_and_numbers_of_the_question():
    rows = of(pair("How much is Lamp 200?", "430 euros"), pair("How much is Lamp 900?", "9 euros"))
    cost = rows["What does Lamp 200 cost?"]
    assert (cost["pair_id"], cost["similarity"]) == ("How much is Lamp 200? 430 euros lamp#1", pytest.approx(0.96))
    only_twin = of(pair("How much is Lamp 900?", "9 euros"))["What does Lamp 200 cost?"]
    assert (only_twin["pair_id"], only_twin["similarity"]) == (None, None)


def test_only_questions_made_of_the_documents_are_near():
    for other in ({"generator": "replay"}, {"kind": "document"}):
        row = of(pair("How much is Lamp 200?", "430 euros", **other))["What does Lamp 200 cost?"]
        assert (row["pair_id"], row["similarity"]) == (None, None)


def test_shares_are_of_the_questions_whole_and_by_kind():
    table = exam_overlap(Questions.frame(EXAM), Pairs.frame([pair("How much is Lamp 200?", "430 euros")]), embed)
    shares = overlap_shares(table, 0.9)
    assert shares["asked_share"] == shares["asked_share_fact"] == 0.5, "of those with a gold passage"
    assert (shares["near_share"], shares["near_share_fact"], shares["near_share_unanswerable"]) == (1 / 3, 0.5, 0)
    assert shares["asked_share_unanswerable"] is None
    assert (shares["questions"], shares["questions_with_gold"]) == (3, 2)
    assert overlap_shares(table, 0.97)["near_share"] == 0
    assert overlap_shares(table, table["similarity"].max())["near_share"] == 1 / 3, "from the threshold on"


def test_without_rows_nothing_is_asked_or_near():
    shares = overlap_shares(exam_overlap(Questions.frame(EXAM), Pairs.frame([]), embed), 0.9)
    assert (shares["asked_share"], shares["near_share"], shares["similarity_median"]) == (0, 0, None)


def test_the_stage_compares_rows_to_train_on_and_no_others(workplace, monkeypatch, capsys):
    monkeypatch.setattr(overlap, "Embedder", lambda model: embed)
    Questions.write(Questions.frame(EXAM))
    held_out = pair("Who made Lamp 200?", "red", "lamp#2", split="dev")
    Pairs.write(Pairs.frame([pair("How much is Lamp 200?", "430 euros"), held_out]))
    overlap.main()
    assert json.loads(Path("metrics/overlap.json").read_text())["asked_share"] == 0.5
    assert "50% by fact, 33% by meaning" in capsys.readouterr().out


SHARES = {"asked_share": 0.81, "near_share": 0.4}


def test_a_teacher_that_wrote_both_is_cautioned_of_with_the_shares():
    (line,) = exam_cautions({"exam_by": "gpt-x"}, SHARES, "gpt-x")
    assert "The teacher (gpt-x) wrote the exam and the training rows" in line
    assert "81%" in line and "40%" in line
    (line,) = exam_cautions({"exam_by": "gpt-x"}, SHARES | {"asked_share": None}, "gpt-x")
    assert "%" not in line


def test_an_exam_of_people_needs_no_caution():
    assert exam_cautions({"exam_by": "people"}, SHARES, "gpt-x") == []
