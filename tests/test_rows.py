"""Question-answer pairs of people become training rows of the passage that they are about, and are curated as any other."""

import json
from pathlib import Path

import polars as pl
import pytest

from commands import estimate, ledger
from parts.curation import people
from parts.project import metrics
from parts.project.errors import UserError
from schemas.documents import Documents
from schemas.pairs import Ledger, Pairs, PeoplePairs
from schemas.questions import Questions
from stages import curate, rows
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT
from tests.test_curate import QUESTIONS
from tests.test_synthesize import passages

LAMPS = [
    f"Lamp {n} costs {n + 30} euros and weighs {n + 1} kg. Its maker is in the old mill of Dorva." for n in range(5)
]
FAQ = [
    {"question": "How much is Lamp 3?", "answer": "33 euros", "id": 7},
    {"question": "What does Lamp 4 weigh?", "answer": "5 kg"},
    {"question": "What does Lamp 4 weigh?", "answer": "5 kg"},
    {"question": "What's the weight of Lamp 1, which costs 31 euros?", "answer": "9 kg"},
    {"question": "Who may approve travel abroad?", "answer": "the head of each site, or a deputy"},
]


@pytest.fixture
def shop(workplace):
    """Passages about five lamps, an exam, and an FAQ about them."""
    passages(*LAMPS)
    Documents.write(Documents.frame([{"doc_id": f"d{n}", "title": "", "text": text} for n, text in enumerate(LAMPS)]))
    exam = QUESTIONS.with_columns(question=pl.lit("What is the price in euros of Lamp 2 at its maker's?"))
    Questions.write(exam)
    workplace.params["synthesize"] = {}
    workplace.change("student", "model", str(ROOT / "models/base"))
    workplace.change("curate", "replay", str(ROOT / "data/replay.jsonl"))
    workplace.change("rows", "path", "faq.jsonl")
    write(*FAQ)
    return workplace


def write(*pairs: dict) -> None:
    Path("faq.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))


def made() -> dict[str, dict]:
    """Run the stage; return its rows by question, the last of equal ones."""
    rows.main()
    return {row["prompt"]: row for row in PeoplePairs.read().to_dicts()}


def test_a_pair_is_a_row_of_the_passage_that_it_is_about_and_nobody_was_asked(shop):
    by_question = made()
    row = by_question["How much is Lamp 3?"]
    assert (row["chunk_id"], row["doc_id"], row["completion"], row["dropped"]) == ("d3#1", "d3", "33 euros", None)
    assert (row["kind"], row["generator"], row["teacher"], row["reasoning"]) == ("qa", "rows", "people", "")
    assert by_question["Who may approve travel abroad?"]["dropped"] == "no passage"
    assert metrics.read("rows") == {"pairs": 5, "private": 0, "no_passage": 1}


def dropped() -> list[tuple[str, str]]:
    """Run the stages on FAQ and a pair that the exam asks for; return (question, reason) of each row that is not kept."""
    write(*FAQ, {"question": "What is the price in euros of Lamp 2 at its maker's", "answer": "32 euros"})
    rows.main()
    curate.main()
    return sorted(Ledger.read().filter(pl.col("dropped").is_not_null()).select("prompt", "dropped").rows())


def test_pairs_are_grounded_deduplicated_and_kept_out_of_the_exam_like_any_other_row(shop):
    assert dropped() == [
        ("What does Lamp 4 weigh?", "duplicate"),
        ("What is the price in euros of Lamp 2 at its maker's", "in the exam"),
        ("What's the weight of Lamp 1, which costs 31 euros?", "not grounded"),
        ("Who may approve travel abroad?", "no passage"),
    ]
    pairs = Pairs.read().filter(generator="rows")
    assert sorted(pairs["prompt"]) == ["How much is Lamp 3?", "What does Lamp 4 weigh?"]
    assert set(pairs["teacher"]) == {"people"}


def test_pairs_of_people_who_are_trusted_need_not_stand_in_their_passage(shop):
    shop.change("curate", "trusted", ["rows"])
    shop.change("rows", "similarity", 0)
    assert dropped() == [
        ("What does Lamp 4 weigh?", "duplicate"),
        ("What is the price in euros of Lamp 2 at its maker's", "in the exam"),
    ]
    shop.change("curate", "trusted", ["rowing"])
    assert "curate.trusted names rowing, which synthesize does not have" in error_line(curate.main)


def test_a_line_more_in_the_file_changes_no_other_row(shop):
    rows.main()
    before = PeoplePairs.read()
    write({"question": "What does Lamp 0 cost?", "answer": "30 euros"}, *FAQ)
    rows.main()
    assert PeoplePairs.read().join(before, "pair_id", "semi").equals(before)
    assert len(PeoplePairs.read()) == len(before) + 1


def test_pairs_in_csv_are_the_same_rows(shop):
    rows.main()
    before = PeoplePairs.address().read_bytes()
    lines = ["\ufeffid,answer,question", *(f'1,"{pair["answer"]}","{pair["question"]}"' for pair in FAQ)]
    Path("faq.csv").write_text("\r\n".join(lines))
    shop.change("rows", "path", "faq.csv")
    rows.main()
    assert PeoplePairs.address().read_bytes() == before


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("faq.jsonl", b'{"question": "a", "answer": "b"}\n{"question": "a"}', "line 2: the field 'answer' is missing"),
        ("faq.jsonl", b'\n{"question": " ", "answer": "b"}', "line 2: the field 'question' is missing or empty"),
        ("faq.jsonl", b'{"question": "a", "answer": 12}', "line 1: the field 'answer' is missing or empty"),
        ("faq.jsonl", b'{"question": "a", "answer": "b"}\n[', "line 2: not a JSON object"),
        ("faq.jsonl", b'{"question": "a", "answer": "b"}\n{"question": "\xfc"}', "line 2: not UTF-8"),
        ("faq.csv", b"question,answer\na,b\nc,\n", "line 3: the field 'answer' is missing or empty"),
        ("faq.csv", b"question,reply\na,b\n", "line 2: the field 'answer' is missing or empty"),
        ("faq.csv", b'question,answer\n"a\nb",c\n"d"e,f\n', "line 3: not CSV"),
        ("faq.csv", b"question,answer\na,b\nc\n", "line 3: the field 'answer' is missing or empty"),
        ("faq.CSV", b"question,answer\n\xfc,b\n", "line 2: not UTF-8"),
    ],
)
def test_a_bad_line_is_named_and_writes_nothing(shop, name, data, line):
    Path(name).write_bytes(data)
    shop.change("rows", "path", name)
    assert f"{name}, {line}" in error_line(rows.main)
    assert not PeoplePairs.address().exists()


def test_a_file_that_is_not_there_is_named(shop):
    with pytest.raises(UserError, match=r"there is no file faq\.txt: correct rows\.path in params\.yaml"):
        people.read_pairs(Path("faq.txt"))


MAIL = {"question": "Who makes Lamp 1?", "answer": "anna.berg@dorva.example makes it"}


def test_a_private_value_is_masked_and_its_pair_is_not_trained_on(shop):
    write(*FAQ, MAIL)
    row = made()[MAIL["question"]]
    assert row["completion"] == "<EMAIL_ADDRESS_1> makes it"
    assert row["dropped"] == "private value"
    assert "anna" not in str(PeoplePairs.read().rows())
    assert metrics.read("rows")["private"] == 1


def test_a_value_that_is_private_in_a_document_is_private_in_a_pair(shop):
    pair = {"question": "Whose number is 4929 5536 8821 of Lamp 1?", "answer": "its maker"}
    write(pair)
    shop.change("rows", "similarity", 0)
    assert made()[pair["question"]]["dropped"] is None
    called = "Lamp 1: call the phone 4929 5536 8821 of its maker."
    Documents.write(Documents.frame([{"doc_id": "d1", "title": "", "text": called}]))
    assert next(iter(made().values()))["dropped"] == "private value"


def test_private_values_are_left_where_they_are_counted_and_end_the_stage_where_they_are_refused(shop):
    write(*FAQ, MAIL)
    shop.change("redact", "private", "count")
    assert made()[MAIL["question"]]["completion"] == MAIL["answer"]
    shop.change("redact", "private", "refuse")
    line = error_line(rows.main)
    assert "faq.jsonl, line 6: a private value; pairs with any: 1" in line
    assert "anna" not in line
    assert not PeoplePairs.address().exists(), "rows of an earlier run are not trained on"


def test_no_file_is_no_row(shop):
    shop.change("rows", "path", "data/none.jsonl")
    assert made() == {}


def test_people_cost_nothing_and_nothing_is_estimated_for_them(shop, capsys):
    rows.main()
    curate.main()
    capsys.readouterr()
    ledger.main()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert [line[-2] for line in lines if line[:2] == ["rows", "raw"]] == ["0.0000"]
    shop.params["synthesize"] = {"qa": {"samples": 1, "count": 2, "temperature": 1.0}}
    shop.change("teacher", "model", "gpt-4.1")
    estimate.main()
    assert "rows" not in capsys.readouterr().out


def test_the_lexical_search_places_questions_in_other_words_at_their_passage():
    """On the shipped exam, whose questions are not in the words of its documents."""
    from parts.corpus import evidence, question_file, splitting
    from parts.project.queries import query, select
    from stages import ingest

    documents = ingest.ingest(ROOT / "data/raw")[0]
    chunks = splitting.split_documents(documents, 80, lambda text: len(text.split()) * 3 // 2)
    drafts = list(question_file.questions(ROOT / "data/exam.jsonl"))
    exam = evidence.build_exam(drafts, documents, chunks)[0].filter(kind="fact").rename({"question_id": "pair_id"})
    asked = exam.select(
        "pair_id", "question", answer=pl.col("references").list.first() if "references" in exam else "reference"
    )
    placed = select(query("nearest_passages"), pairs=asked, chunks=chunks)
    golds = dict(exam.select("pair_id", "gold_chunk_ids").rows())
    right = [row["chunk_id"] in golds[row["pair_id"]][0] for row in placed.to_dicts()]
    assert sum(right) / len(golds) > 0.9
    assert placed["similarity"].is_between(0, 1).all()
