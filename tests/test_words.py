"""Words are those of a reader of each language, in whatever form its letters are written."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.corpus.evidence import locate
from parts.curation.minhash import runs
from parts.project.queries import select
from parts.text.words import names, numbers, words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The Lamp, 12 days.", ["the", "lamp", "12", "days"]),
        ("\u0915\u093f\u0924\u093e\u092c", ["\u0915\u093f\u0924\u093e\u092c"]),  # Hindi: a book
        ("\u5341\u4e8c\u5929iPhone3", ["\u5341", "\u4e8c", "\u5929", "iphone3"]),  # Chinese: twelve days
        ("\u3042\u30a2", ["\u3042", "\u30a2"]),
        ("12\uc77c\uc785\ub2c8\ub2e4", ["12", "\uc77c", "\uc785", "\ub2c8", "\ub2e4"]),  # Korean: it is 12 days
        ("\u0e40\u0e01\u0e49\u0e32", ["\u0e40", "\u0e01\u0e49", "\u0e32"]),  # Thai: nine
        ("\uff11\uff12\u65e5\uff1a", ["12", "\u65e5"]),  # of full width
        ("caf\u00e9 M\u00dcLLER", ["caf\u00e9", "m\u00fcller"]),
    ],
)
def test_words_in_many_scripts(text, wanted):
    assert words(text) == words(unicodedata.normalize("NFD", text)) == wanted


def test_words_that_differ_in_a_vowel_sign_are_two():
    assert words("\u0915\u093f") != words("\u0915\u0940")


def test_names_have_a_capital_or_a_digit_and_a_mark_makes_no_number():
    assert names("The Lamp 200 is v2, big") == {"The", "Lamp", "200", "v2"}
    assert numbers("The Lamp 200 is v2, big, \u0915\u093f") == {"200", "v2"}


def test_a_quote_that_ends_inside_a_korean_word_is_found():
    text = "\ud734\uac00\ub294 12\uc77c\uc785\ub2c8\ub2e4."
    assert locate("\ud734\uac00\ub294 12\uc77c", text) == (0, 7)
    assert locate("\u5341\u4e8c\u5929", "\u5047\u671f\u5341\u4e8c\u5929\u3002") == (2, 5)


# without unassigned code points: DuckDB's regular expressions know letters of newer Unicode versions than Python's
ODD = "aB 1_\0\u4e00\u3042\ud55c\u0e49\u0e01\uff11\u0130\u03a3\u03c2\u00df\u0307"
ASSIGNED = st.text(st.characters(exclude_categories=("Cs", "Cn")) | st.sampled_from(ODD))


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(st.lists(ASSIGNED, min_size=1))
def test_words_and_runs_are_the_same_in_python_and_in_sql(texts):
    table = pl.DataFrame({"row": range(len(texts)), "text": texts})
    rows = select("SELECT words(text) AS words, runs(text) AS runs FROM texts ORDER BY row", texts=table).to_dicts()
    assert [row["words"] for row in rows] == [words(text) for text in texts]
    assert [(len(row["runs"]), set(row["runs"])) for row in rows] == [(len(row), row) for row in map(runs, texts)]


@pytest.mark.slow
def test_words_are_the_same_in_python_and_in_sql_for_every_assigned_character():
    texts = [f"a{chr(n)}B" for n in range(0x110000) if unicodedata.category(chr(n)) not in ("Cs", "Cn")]
    table = pl.DataFrame({"row": range(len(texts)), "text": texts})
    rows = select("SELECT words(text) AS words FROM texts ORDER BY row", texts=table)["words"].to_list()
    assert rows == [words(text) for text in texts]
