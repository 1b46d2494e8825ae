"""Passages cover a document without overlap, within pages and a length; quotations are located in a text."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from parts.corpus.evidence import locate
from parts.corpus.splitting import split_document

WORDS = st.text(alphabet="abcdefgé.,\n #|-", min_size=1, max_size=400)
PAGES = st.lists(WORDS, min_size=1, max_size=4).map("\f".join)


def count(text: str) -> int:
    return len(text.split())


@settings(max_examples=200, deadline=None)
@given(PAGES, st.integers(3, 30))
def test_passages_are_slices_in_order_on_one_page_and_lose_only_headings_and_space(text, most):
    passages = list(split_document("T", text, most, count))
    assert all(text[p.start : p.end] == p.text and p.text.strip() for p in passages)
    assert all(first.end <= second.start for first, second in pairwise(passages))
    assert all("\f" not in p.text and p.page == 1 + text[: p.start].count("\f") for p in passages)
    assert all(count(p.text) <= most for p in passages)
    covered = {n for p in passages for n in range(p.start, p.end)}
    rest = "".join(" " if n in covered else char for n, char in enumerate(text))
    assert all(
        line.strip(" \f").startswith("#") or not line.strip(" \f") for line in rest.replace("\f", "\n").split("\n")
    )


def test_a_passage_has_the_headings_above_it():
    text = "# Handbook\n\nHello there.\n\n## Leave\n\nTwelve days.\n\n### Carry-over\n\nFive days.\n\n## Travel\n\nBy train.\n"
    headings = {p.text.strip(): p.heading for p in split_document("Handbook", text, 4, count)}
    assert headings == {
        "Hello there.": "Handbook",
        "Twelve days.": "Handbook > Leave",
        "Five days.": "Handbook > Leave > Carry-over",
        "By train.": "Handbook > Travel",
    }


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
