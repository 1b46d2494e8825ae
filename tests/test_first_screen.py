"""The first table of the page says the verdict by what was asked; below it stands what the figures leave out."""

import pytest

from parts.page import first_screen

VERDICT = {
    "n_answerable": 120, "verdict": "undecided", "answerable_rag": 0.658, "answerable_tuned": 0.625,
    "answerable_tuned_minus_rag": -0.033, "answerable_tuned_minus_rag_lo": -0.117, "answerable_tuned_minus_rag_hi": 0.049,
    "answerable_tuned_minus_rag_p": 0.48,
}  # fmt: skip
DECLINING = {
    "n_unanswerable": 20, "verdict_unanswerable": "rag", "unanswerable_rag": 0.85, "unanswerable_tuned": 0.25,
    "unanswerable_tuned_minus_rag": -0.6, "unanswerable_tuned_minus_rag_lo": -0.79, "unanswerable_tuned_minus_rag_hi": -0.27,
    "unanswerable_tuned_minus_rag_p": 0.0001,
}  # fmt: skip
KINDS = {
    f"{kind}_{key}": value
    for kind, n in (("two_documents", 10), ("fact", 80), ("unanswerable", 20))
    for key, value in {"n": n, "rag": 0.5, "tuned": 0.75, "tuned_minus_rag": 0.25, "tuned_minus_rag_p": 0.031}.items()
}


def test_answering_comes_first_then_its_kinds_by_number_then_declining():
    lines = first_screen.lines(VERDICT | DECLINING, KINDS, ["unanswerable"])
    assert [line.name for line in lines] == ["Answering", "fact", "two documents", "Declining"]
    assert lines[0][1:-1] == (
        "120 answerable questions: undecided", "0.658", "0.625", "-0.033", "-0.117 to +0.049", "p 0.48",
    )  # fmt: skip
    assert lines[3][1:-1] == (
        "20 unanswerable questions: RAG is better", "0.850", "0.250", "-0.600", "-0.790 to -0.270", "p < 0.001",
    )  # fmt: skip
    assert [line.is_kind for line in lines] == [False, True, True, False]


def test_a_kind_with_too_few_questions_for_an_interval_has_none():
    line = first_screen.lines(VERDICT, KINDS, ["unanswerable"])[2]
    assert line[1:] == ("10", "0.500", "0.750", "+0.250", "", "p 0.031", True)


def test_an_exam_without_unanswerable_questions_has_no_line_for_declining():
    lines = first_screen.lines(VERDICT | {"n_unanswerable": 0}, {"fact_n": 120}, [])
    assert [line.name for line in lines] == ["Answering"]


def test_a_tie_says_what_it_does_not_rule_out():
    tie = {f"answerable_tuned_minus_rag{end}": value for end, value in (("", 0.0), ("_lo", -0.3), ("_hi", 0.2))}
    line = first_screen.lines(VERDICT | tie, {}, [])[0]
    assert line.note == "120 answerable questions: no difference seen; one of up to 0.30 is not ruled out"


@pytest.mark.parametrize("decision", ["tuned", "rag", "none"])
def test_every_verdict_has_its_words(decision):
    line = first_screen.lines(VERDICT | {"verdict": decision}, {}, [])[0]
    assert line.note.endswith(first_screen.VERDICTS[decision])


def test_files_left_out_and_answers_cut_are_counted_and_marked():
    ingest = {"documents": 32, "files_left_out": 3, "rejected_empty": 1, "rejected_scan_without_text": 2}
    files, answers = first_screen.omissions(ingest, {"rag": 0.97, "tuned": 1.0})
    assert files == ("3 of 35 files were left out: 1 empty, 2 scan without text.", True)
    assert answers == ("Answers cut at the token limit: 3.0% of rag.", True)
    whole = first_screen.omissions({"documents": 32, "files_left_out": 0}, {"rag": 1.0})
    assert whole == [("All 32 files were read.", False), ("No answer was cut at the token limit.", False)]
