"""QuALITY, SQuAD, LongHealth and FinanceBench are read as they are published, and other files are not taken for them."""

import json

import pytest

from parts.corpus import published
from parts.corpus.evidence import build_exam
from parts.corpus.splitting import split_documents
from parts.project.errors import UserError
from stages import ingest

TEXT = "The lamp stands on the quay. It is lit at dusk by the keeper, whose name is Ines. Boats of up to nine metres may stay."


def squad(**second) -> dict:
    question = {
        "id": "a1",
        "question": "Who lights the lamp?",
        "answers": [{"text": "Ines", "answer_start": TEXT.index("Ines")}],
    }
    none = {"id": "a2", "question": "What does it cost?", "answers": [], "is_impossible": True}
    paragraphs = [{"context": "Nothing here.", "qas": []}, {"context": TEXT, "qas": [question, none]}]
    return {"version": "v2.0", "data": [{"title": "The_quay", "paragraphs": paragraphs}]} | second


QUESTION = {
    "question": "What is lit?",
    "options": ["the lamp", "a boat", "the quay", "Ines"],
    "gold_label": 1,
    "difficult": 1,
}
QUALITY = {"article_id": "7", "set_unique_id": "7_A", "title": "The quay", "article": TEXT, "questions": [QUESTION]}
RAW = {
    "article_id": 7,
    "unique_id": "7_A",
    "title": "The quay",
    "article": ["<html><body><p>The lamp ", "stands.</p></body></html>"],
}
RAW |= {"question1": "What stands?", "question1_gold_label": "2"} | {
    f"question1option{n}": f"option {n}" for n in range(1, 5)
}
PATIENT = {
    "name": "Ada Bright",
    "birthday": "1950-01-02",
    "diagnosis": "none",
    "texts": {"text_0": TEXT, "text_1": "Well."},
}
ASKED = {"No": 0, "question": "Who lights the lamp?", "correct": "Ines"}
ASKED |= {f"answer_{letter}": value for letter, value in zip("abcde", ("Ines", "Ada", "Bo", "Cy", "Di"), strict=True)}
ASKED |= {"answer_location": {"text_0": {"start": [0.5], "end": [0.7]}}}
FILING = {
    "financebench_id": "financebench_id_1",
    "company": "3M",
    "doc_name": "3M_2018_10K",
    "question_type": "metrics-generated",
}
FILING |= {
    "question": "What was spent?",
    "answer": "$1577.00",
    "evidence": [{"evidence_text": "x", "evidence_page_num": 59}],
}


def write(tmp_path, *rows: dict):
    path = tmp_path / "benchmark.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_squad_has_an_article_a_document_and_marks_what_nothing_answers(tmp_path):
    path = write(tmp_path, squad())
    documents, rejected = ingest.ingest(path)
    assert (
        documents["doc_id"].to_list() == ["The_quay.md"]
        and documents["title"].to_list() == ["The quay"]
        and not len(rejected)
    )
    assert documents["text"][0].startswith("# The quay\n\nNothing here.\n\nThe lamp stands")
    answered, none = published.read(path).questions
    assert (answered.references, answered.answerable, none.references, none.answerable) == (["Ines"], True, [], False)
    exam, n_missing = build_exam(
        [answered, none], documents, split_documents(documents, 12, lambda text: len(text.split()))
    )
    gold = exam["gold_chunk_ids"].to_list()
    assert n_missing == 0 and len(gold[0]) == 1 and gold[1] == []


@pytest.mark.parametrize("row", [QUALITY, RAW], ids=["released", "raw"])
def test_quality_has_options_and_the_right_one(tmp_path, row):
    benchmark = published.read(write(tmp_path, row, row | {"set_unique_id": "7_B"}))
    assert list(benchmark.documents) == ["7.md"] and "The lamp stands" in benchmark.documents["7.md"][1]
    assert "<" not in benchmark.documents["7.md"][1]
    first, _ = benchmark.questions
    assert len(first.options) == 4 and first.references == [first.options[1 if row is RAW else 0]]
    assert first.kind == ("fact" if row is RAW else "hard")


def test_longhealth_names_the_patient_in_the_question_and_finds_its_place_in_a_letter(tmp_path):
    path = write(tmp_path, {"patient_01": PATIENT | {"questions": [ASKED]}})
    documents, _ = ingest.ingest(path)
    assert documents["doc_id"].to_list() == ["patient_01/text_0.md", "patient_01/text_1.md"]
    (question,) = published.read(path).questions
    assert question.question == "Ada Bright, born 1950-01-02: Who lights the lamp?"
    assert question.references == ["Ines"] and question.options == ["Ines", "Ada", "Bo", "Cy", "Di"]
    assert [(piece.file, piece.quote in TEXT) for piece in question.evidence] == [("patient_01/text_0.md", True)]


def test_financebench_counts_pages_from_one_and_has_its_documents_elsewhere(tmp_path):
    path = write(tmp_path, FILING, FILING | {"financebench_id": "financebench_id_2"})
    first, second = published.read(path).questions
    assert (first.evidence[0].file, first.evidence[0].page) == ("3M_2018_10K.pdf", 60)
    assert first.question_id != second.question_id and first.kind == "metrics-generated"
    with pytest.raises(UserError, match=r"ingest\.path names a folder"):
        ingest.ingest(path)


def test_a_file_that_looks_like_a_benchmark_and_is_not_is_named(tmp_path):
    with pytest.raises(UserError, match=r"looks like quality, and is not .*gold_label"):
        published.read(
            write(tmp_path, RAW, {key: value for key, value in RAW.items() if key != "question1_gold_label"})
        )
    with pytest.raises(UserError, match="looks like squad"):
        published.read(write(tmp_path / "..", {"data": [{"title": "x"}]}))


@pytest.mark.parametrize("row", [{"question": "?", "reference": "x"}, {}, {"data": "x"}, {"a": {"b": 1}}])
def test_another_file_is_no_benchmark(tmp_path, row):
    assert published.read(write(tmp_path, row)) is None
    assert published.read(tmp_path / "nothing") is None
