"""Passages cover a document without overlap, know their page and keep a length; quotations are located in a text."""

import time
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.corpus.evidence import locate
from parts.corpus.headings import headings
from parts.corpus.splitting import split_document, split_documents
from parts.corpus.tables import table_bodies
from parts.retrieval.embedder import BUNDLED, Embedder
from tests.helpers import source_code

WORDS = st.text(alphabet="abcdefgé.,\n #|-", min_size=1, max_size=400)
PAGES = st.lists(WORDS, min_size=1, max_size=4).map("\f".join)


def count(text: str) -> int:
    return len(text.split())


@settings(max_examples=200, deadline=None)
@given(PAGES, st.integers(3, 30))
def test_passages_are_slices_in_order_that_know_their_page_and_lose_only_headings_and_space(text, most):
    passages = list(split_document("T", text, most, count))
    assert all(text[p.start : p.end].replace("\f", "\n") == p.text and p.text.strip() for p in passages)
    assert all(first.end <= second.start for first, second in pairwise(passages))
    assert all(p.page == 1 + text[: p.start].count("\f") and "\n\f" not in text[p.start : p.end] for p in passages)
    assert all(count(p.text) <= most for p in passages)
    covered = {n for p in passages for n in range(p.start, p.end)}
    rest = "".join(" " if n in covered else char for n, char in enumerate(text))
    titled = {n for heading in headings(text) for n in range(heading.start, heading.end)}
    assert not "".join(char for n, char in enumerate(rest) if n not in titled).strip()


def test_a_passage_goes_on_over_the_end_of_a_page_and_not_over_that_of_a_slide():
    text = "Leave is twelve days.\fIt is paid.\n\fTravel is by train."
    assert [(p.page, p.text) for p in split_document("T", text, 30, count)] == [
        (1, "Leave is twelve days.\nIt is paid."), (3, "Travel is by train."),
    ]  # fmt: skip


def test_a_passage_has_the_headings_above_it():
    text = "# Handbook\n\nHello there.\n\n## Leave\n\nTwelve days.\n\n### Carry-over\n\nFive days.\n\n## Travel\n\nBy train.\n"
    headings = {p.text.strip(): p.heading for p in split_document("Handbook", text, 4, count)}
    assert headings == {
        "Hello there.": "Handbook",
        "Twelve days.": "Handbook > Leave",
        "Five days.": "Handbook > Leave > Carry-over",
        "By train.": "Handbook > Travel",
    }


def test_a_comment_in_code_is_no_heading_and_stays_in_the_text():
    text = "# Guide\n\n```sh\n# install\nrun it\n```\n\n~~~\n# more\n~~~\n\n## After\n\nDone.\n"
    passages = list(split_document("Guide", text, 5, count))
    assert "# install" in " ".join(p.text for p in passages) and "# more" in " ".join(p.text for p in passages)
    assert {p.heading for p in passages} == {"Guide", "Guide > After"}


def test_an_underlined_line_is_a_heading_and_a_rule_or_a_table_is_none():
    text = "Guide\n=====\n\nHello.\n\nLeave\n-----\n\nTwelve days.\n\n---\n\n| a |\n| --- |\n| b |\n"
    assert [(h.level, h.words) for h in headings(text)] == [(1, "Guide"), (2, "Leave")]
    passages = {p.text.strip().split("\n")[0]: p.heading for p in split_document("Guide", text, 6, count)}
    assert passages["Hello."] == "Guide" and passages["Twelve days."] == "Guide > Leave"


def test_each_piece_of_a_table_has_the_header_row():
    rows = "".join(f"| Pier {n} | {n} m |\n" for n in range(1, 9))
    text = f"# Piers\n\nWhere ships lie.\n\n| Name | | Depth |\n|:---|---|---:|\n{rows}\nNo more piers. a | b\n"
    passages = list(split_document("Piers", text, 14, count))
    pieces = [p for p in passages if p.text.startswith("| Pier")]
    assert len(pieces) >= 2 and {p.heading for p in pieces} == {"Piers > Name | Depth"}
    assert {p.heading for p in passages if p not in pieces} == {"Piers"}


def test_a_header_row_ends_with_its_table_and_its_page_and_is_not_repeated_at_any_length():
    assert [b.header for b in table_bodies("| a |\n|---|\n| b |\n\n| c |\nno rule\n| d |\f| --- |\n| e |\n")] == ["a"]
    (body,) = table_bodies("| " + " | ".join(f"column {n}" for n in range(99_999)) + " |\n|---|\n| 1 |\n")
    assert body.header.startswith("column 0 | column 1 | ") and len(body.header) <= 300 and body.header[-1].isdigit()


def test_a_closing_run_of_marks_is_no_word_of_a_heading():
    assert [h.words for h in headings("# C#\n## Leave ##\n### ###\n#no\n")] == ["C#", "Leave", "###"]


@pytest.mark.parametrize(
    "piece", ["#" + " " * 999 + "\n", "# " + " " * 998, "#" * 1000, "`" * 1000, "= \n", "a\n", "a\n---\n"]
)
def test_headings_are_found_in_time_linear_in_the_length(piece):
    def seconds(length: int) -> float:
        text, start = piece * (length // len(piece)), time.process_time()
        list(headings(text))
        return time.process_time() - start

    assert seconds(200_000) < 20 * max(seconds(40_000), 0.1)


def test_a_quotation_is_found_over_line_breaks_and_table_bars():
    text = "| Item | Price |\n| --- | --- |\n| wall mount | 5 euros |\n\nIt costs\n430 euros."
    start, end = locate("wall mount 5 euros", text)
    assert text[start:end] == "wall mount | 5 euros"
    start, end = locate("it costs 430 euros", text)
    assert text[start:end] == "It costs\n430 euros"
    assert locate("six euros", text) is None
    assert locate("...", text) is None


@given(st.lists(st.sampled_from(["ab", "cd", "12", "e4"]), min_size=1, max_size=30), st.data())
def test_whatever_words_stand_in_a_text_are_located_there(words, data):
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    text = " \n".join(words)
    span = locate(" ".join(words[start:end]), text)
    assert text[slice(*span)].split() == words[start:end]


def test_the_length_of_a_passage_is_the_same_for_every_student():
    stage = source_code.graph()["chunk"]
    assert not [dep for dep in stage["deps"] if "models" in dep or "student" in dep]
    embed = Embedder(BUNDLED)
    documents = pl.DataFrame(
        {"doc_id": ["a.md"], "title": ["Lamps"], "text": ["Dorva Lamp 200 costs 1,430 euros. " * 30]}
    )
    chunks = split_documents(documents, 64, embed.count_tokens)
    assert max(chunks["n_tokens"]) <= 64
    assert chunks["n_tokens"].to_list() == [embed.count_tokens(text) for text in chunks["text"]]
    assert embed.count_tokens("a lamp") == 2, "without the tokens that begin and end a text"
