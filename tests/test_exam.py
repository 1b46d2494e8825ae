"""An exam is read from files or written by the teacher; its evidence is matched to gold passages."""

import json
from pathlib import Path

import pytest

from parts.corpus import question_file
from parts.corpus.question_file import Evidence, Question
from parts.project.errors import UserError
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.questions import Questions
from schemas.redacted import Redacted
from stages import exam
from tests.helpers.cli import error_line

TEXT = "Dorva Lamp 200 costs 430 euros.\fIt weighs 2.4 kg. Dorva Lamp 200 is painted red."


@pytest.fixture
def lamp(workplace):
    """Two pages and three passages about a lamp."""
    Documents.write(Documents.frame([{"doc_id": "lamp.pdf", "title": "Dorva Lamp 200", "text": TEXT}]))
    spans = [(0, 31, 1), (32, 49, 2), (50, len(TEXT), 2)]
    rows = [
        {
            "chunk_id": f"lamp.pdf#{n}",
            "doc_id": "lamp.pdf",
            "start": a,
            "end": b,
            "page": page,
            "heading": "Dorva Lamp 200",
        }
        | {"text": TEXT[a:b], "n_tokens": 5}
        for n, (a, b, page) in enumerate(spans, 1)
    ]
    Chunks.write(Chunks.frame(rows))
    Redacted.write(Redacted.frame(rows))
    return workplace


def questions(tmp_path, *rows: object) -> list[Question]:
    path = tmp_path / "exam.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return list(question_file.questions(path))


def test_citations_in_the_truth_become_evidence(tmp_path):
    (question,) = questions(
        tmp_path, {"question": "Q?", "truth": "It is red. [a.pdf#page=3] And big.[b c.pdf#page=12]"}
    )
    assert question.references == ["It is red. And big."]
    assert question.evidence == [Evidence("a.pdf", page=3), Evidence("b c.pdf", page=12)]


def test_a_question_may_have_several_references_under_either_key(tmp_path):
    several = {"question": "Q?", "references": ["NYC [a.pdf#page=3]", "New York", " "]}
    both, one, none = (
        {**several, "truth": "NY"},
        {"question": "Q?", "reference": "NYC"},
        {"question": "Q?", "answerable": False},
    )
    rows = questions(tmp_path, several, both, one, none)
    assert [row.references for row in rows] == [["NYC", "New York"], ["NY", "NYC", "New York"], ["NYC"], []]
    assert rows[0].evidence == [Evidence("a.pdf", page=3)]


def test_a_list_of_references_under_any_key_means_any_of_them_and_a_number_is_its_text(tmp_path):
    rows = questions(
        tmp_path, {"question": "Q?", "answer": ["12 days", 12]}, {"question": 5, "truth": 1.5, "kind": None}
    )
    assert [row.references for row in rows] == [["12 days", "12"], ["1.5"]]
    assert (rows[1].question, rows[1].kind) == ("5", "fact")


def test_a_file_that_is_not_utf_8_is_named_with_the_line(tmp_path):
    path = tmp_path / "exam.jsonl"
    path.write_bytes('{"question": "Q?", "truth": "a"}\n{"question": "Wörter?", "truth": "ü"}\n'.encode("cp1252"))
    with pytest.raises(UserError, match=r"exam.jsonl, line 2: not UTF-8 \(byte 15\): save the file as UTF-8"):
        list(question_file.questions(path))


def test_a_reference_that_is_no_option_ends_the_stage_before_anything_is_paid(lamp):
    row = {"question": "Q?", "options": ["12 days", "a week"], "reference": "a month"}
    path = lamp.path / "data" / "exam.jsonl"
    path.write_text(json.dumps(row) + "\n")
    assert "exam.jsonl, line 1: the reference 'a month' is not one of ['12 days', 'a week']" in error_line(exam.main)
    for reference in ("B", "12 Days"):
        path.write_text(json.dumps(row | {"reference": reference}) + "\n")
        exam.main()


def test_only_a_newline_ends_a_line(tmp_path):
    path = tmp_path / "exam.jsonl"
    path.write_text('\ufeff{"question": "One\u2028two?", "truth": "a\x85b"}\n\n', encoding="utf-8")
    assert [row.question for row in question_file.questions(path)] == ["One\u2028two?"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"truth": "x"}, "line 2: the field 'question' is missing"),
        ({"question": "Q?"}, "line 2: the field 'reference'"),
        ("{", "line 2: not a JSON object"),
        ({"question": "Q?", "references": "x"}, "line 2: the field 'references' must be a list"),
        ({"question": "Q?", "references": []}, "line 2: the field 'reference'"),
        (
            {"question": "Q?", "reference": "x", "evidence": [{"page": 1}]},
            "line 2: each piece of evidence needs 'file'",
        ),
        ({"question": "Q?", "reference": "x", "extra": 1}, "line 2: unknown field 'extra'"),
        ('{"question": "Q?", "reference": NaN}', "line 2: the field 'reference' must be text, and is NaN"),
        ({"question": "Q?", "reference": True}, "line 2: the field 'reference' must be text, and is true"),
        ({"question": "Q?", "answer": {"a": 1}}, "line 2: the field 'answer' must be text"),
        ({"question": ["Q?"], "reference": "x"}, "line 2: the field 'question' must be text"),
        (
            {"question": "Q?", "answerable": "false"},
            "line 2: the field 'answerable' must be true or false, and is 'false'",
        ),
        ({"question": "Q?", "reference": "x", "options": "x, y"}, "line 2: the field 'options' must be a list"),
        ({"question": "Q?", "reference": "x", "options": {"a": "x"}}, "line 2: the field 'options' must be a list"),
        (
            {"question": "Q?", "reference": "x", "options": ["x", "x"]},
            "line 2: the field 'options' must be a list of two",
        ),
        ({"question": "Q?", "reference": "x", "evidence": [{"file": "a", "page": "1"}]}, "line 2: the page of a piece"),
        (
            {"question": "Q?", "reference": "x", "evidence": {"file": "a"}},
            "line 2: the field 'evidence' must be a list",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path, row, message):
    with pytest.raises(UserError, match=message):
        questions(tmp_path, {"question": "Q?", "reference": "x"}, row)


def test_a_split_of_a_benchmark_without_answers_ends_with_one_line_and_the_teacher_writes_no_exam(lamp):
    row = {"article_id": "1", "title": "t", "article": "x", "questions": [{"question": "?", "options": ["a", "b"]}]}
    (lamp.path / "test.jsonl").write_text(json.dumps(row))
    lamp.change("exam", "questions", "test.jsonl")
    assert "test.jsonl has no question with an answer" in error_line(exam.main)


def test_a_question_file_that_lacks_a_field_ends_with_one_line_and_writes_nothing(lamp):
    (lamp.path / "data" / "exam.jsonl").write_text('{"question": "Who?"}\n')
    assert "exam.jsonl, line 1: the field 'reference'" in error_line(exam.main)
    assert not Questions.address().exists()


def test_quotations_and_pages_become_passages(lamp):
    rows = [
        {
            "question": "What does it cost?",
            "reference": "430 euros",
            "evidence": [{"file": "lamp.pdf", "quote": "costs 430 euros"}],
        },
        {"question": "What colour?", "truth": "red [lamp.pdf#page=2]"},
        {"question": "Who made it?", "answerable": False},
        {"question": "How tall?", "reference": "9 m", "evidence": [{"file": "gone.pdf", "page": 1}]},
    ]
    (lamp.path / "data" / "exam.jsonl").write_text("\n".join(map(json.dumps, rows)))
    exam.main()
    exam_table = Questions.read()
    assert exam_table["gold_chunk_ids"].to_list() == [[["lamp.pdf#1"]], [["lamp.pdf#2", "lamp.pdf#3"]], [], []]
    assert exam_table["doc_id"].to_list() == ["lamp.pdf", "lamp.pdf", None, None]
    assert exam_table["kind"].to_list() == ["fact", "fact", "unanswerable", "fact"]
    figures = json.loads((lamp.path / "metrics/exam.json").read_text())
    assert (figures["evidence_not_found"], figures["exam_by"]) == (1, "people")
    assert (figures["kind_fact"], figures["kind_unanswerable"]) == (3, 1)
    assert (figures["documents"], figures["documents_reached"]) == (1, 1)


def cite(folder: Path, text: str, spans: list[tuple[int, int]], evidence: dict) -> None:
    """Write a document with passages at `spans`, and a question about it with `evidence`."""
    Documents.write(Documents.frame([{"doc_id": "a.pdf", "title": "A", "text": text}]))
    rows = [
        {"chunk_id": f"p{n}", "doc_id": "a.pdf", "start": start, "end": end, "page": 1, "heading": "A", "n_tokens": 3}
        | {"text": text[start:end]}
        for n, (start, end) in enumerate(spans, 1)
    ]
    Chunks.write(Chunks.frame(rows))
    Redacted.write(Redacted.frame(rows))
    row = {"question": "Q?", "reference": "x", "evidence": [{"file": "a.pdf"} | evidence]}
    (folder / "data/exam.jsonl").write_text(json.dumps(row))


@pytest.mark.parametrize(
    ("quote", "gold"),
    [("lamp is red", [["p1"]]), ("and big", [["p2"]]), ("red and", [["p1", "p2"]]), ("big so", [["p2", "p3"]])],
)
def test_a_passage_that_only_touches_a_quotation_is_not_gold(workplace, quote, gold):
    text = "The lamp is red and big so it is sold"
    spans = [(0, 16), (16, 23), (23, 37)]  # one begins at the word "and", and ends at that of "big"
    cite(workplace.path, text, spans, {"quote": quote})
    exam.main()
    assert Questions.read()["gold_chunk_ids"].to_list() == [gold]


@pytest.mark.parametrize(("page", "gold"), [(1, [["p1"]]), (2, [["p1", "p2"]]), (3, [["p3"]]), (4, []), (0, [])])
def test_the_passages_that_a_cited_page_has_a_part_of_are_gold(workplace, page, gold):
    text = "Leave is twelve days\fand is paid.\n\fTravel is by train."
    spans = [(0, 24), (25, 33), (35, 54)]  # the first goes on over the end of its page
    cite(workplace.path, text, spans, {"page": page})
    if page:
        exam.main()
        assert Questions.read()["gold_chunk_ids"].to_list() == [gold]
    else:
        assert "page" in error_line(exam.main)


def test_without_questions_the_teacher_writes_an_exam(lamp, rules, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    lamp.change("exam", "questions", "data/none.jsonl")
    lamp.change("exam", "count", 3)
    exam.main()
    exam_table = Questions.read()
    assert len(exam_table) == 3
    assert set(exam_table["references"].explode()) == {"430 euros", "2.4 kg", "red"}
    assert [pieces[0] for pieces in exam_table["gold_chunk_ids"].to_list()] == [
        ["lamp.pdf#1"],
        ["lamp.pdf#2"],
        ["lamp.pdf#3"],
    ]


def test_what_an_outage_took_of_an_exam_ends_the_stage(lamp, cue, monkeypatch):
    monkeypatch.setattr("parts.llm.transport.RETRIES", 1)
    lamp.change("exam", "questions", "data/none.jsonl")
    lamp.change("exam", "count", 3)
    cue.default = '{"questions": [{"question": "What colour?", "answer": "red"}]}'
    answer = cue.reply
    cue.reply = lambda asked: (503, {}) if "weighs" in asked["messages"][0]["content"] else answer(asked)
    assert "exam: requests were not answered (1 refused (503))" in error_line(exam.main)
    assert not Questions.address().exists()
    cue.reply = answer
    exam.main()
    assert len(cue.distinct()) == len(cue.seen), "what was answered is not asked again"


def test_a_teacher_that_writes_no_question_ends_the_stage_with_what_was_lost(lamp, cue):
    lamp.change("exam", "questions", "data/none.jsonl")
    (lamp.path / "data/unanswerable.jsonl").write_text('{"question": "Who?", "answerable": false}')
    lamp.change("exam", "unanswerable", "data/unanswerable.jsonl")
    cue.default = "no json"
    assert "rules-4 wrote no question (failed_unparsed 3, requests 3)" in error_line(exam.main)
