"""The ferry cooperative's handbook, its rows, its exam and the lessons in reading belong together and are kept apart."""

import json
from collections import Counter

from parts.corpus.evidence import locate
from parts.curation.minhash import runs
from parts.text.answer_format import REFUSAL
from parts.text.words import words
from tests.helpers.source_code import ROOT

CORPUS = ROOT / "data/real"
DOCUMENTS = {path.name: path.read_text(encoding="utf-8") for path in (CORPUS / "documents").glob("*.md")}
ROWS, EXAM, LESSON = (
    [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]
    for name in ("rows.jsonl", "exam.jsonl", "lesson.jsonl")
)


def test_the_counts_are_those_of_the_readme():
    assert (len(DOCUMENTS), len(ROWS), len(EXAM), len(LESSON)) == (11, 726, 120, 257)
    assert Counter(row["kind"] for row in ROWS) == {
        "single fact": 548, "two documents": 84, "step": 32, "unanswerable": 62
    }  # fmt: skip
    assert Counter(row["kind"] for row in EXAM) == {"single fact": 80, "two documents": 20, "unanswerable": 20}


def test_a_fact_stands_in_a_document_and_a_question_without_one_is_declined():
    single = {row["answer"] for row in ROWS if row["kind"] == "single fact"}
    assert [answer for answer in single if not any(locate(answer, text) for text in DOCUMENTS.values())] == []
    assert {row["answer"] for row in ROWS if row["kind"] == "unanswerable"} == {REFUSAL}


def test_every_quote_of_the_exam_stands_in_its_file_and_the_last_one_holds_the_answer():
    for row in (row for row in EXAM if row["kind"] != "unanswerable"):
        assert all(piece["quote"] in DOCUMENTS[piece["file"]] for piece in row["evidence"]), row
        references = row.get("references") or [row["reference"]]
        assert any(locate(reference, row["evidence"][-1]["quote"]) for reference in references), row


def test_the_exam_is_asked_in_words_of_its_own():
    of_rows = {row["question"]: runs(row["question"]) for row in ROWS}
    for row in EXAM:
        asked = runs(row["question"])
        nearest = max(of_rows, key=lambda question: len(asked & of_rows[question]))
        assert len(asked & of_rows[nearest]) < len(asked) / 2, (row["question"], nearest)


def test_a_lesson_shows_up_to_four_passages_and_none_is_of_the_handbook():
    assert all(1 <= len(row["passages"]) <= 4 for row in LESSON)
    passages = {text for row in LESSON for _, text in row["passages"]}
    assert len(passages) == 46
    assert not [text for text in passages if any(text in document for document in DOCUMENTS.values())]
    declined = sum(row["answer"] == REFUSAL for row in LESSON)
    assert 0.15 < declined / len(LESSON) < 0.25


def test_an_answer_of_a_lesson_that_is_not_worked_out_stands_in_a_passage_that_is_shown():
    for row in (row for row in LESSON if row["answer"] not in {REFUSAL, "no", "310", "116", "oak, 12"}):
        shown = {word for _, text in row["passages"] for word in words(text)}
        assert set(words(row["answer"])) <= shown, row
