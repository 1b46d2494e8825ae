"""Postgres is given words to find: glued tokens opened, scripts without spaces by characters, the language of a document."""

import time

import polars as pl
import pytest
import yaml

from parts.retrieval import full_text
from parts.text.languages import language
from tests.helpers.retrieval import passages
from tests.helpers.source_code import ROOT

LEAFLETS = yaml.safe_load((ROOT / "tests/data/languages.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ERR-4021 in config/pump.yaml", "ERR 4021 in config pump yaml"),
        ("Employee/Spouse, $1,500.25 each", "Employee Spouse, $1500.25 each"),
        ("e.g. snake_case at 3.5 or -5", "e.g. snake case at 3.5 or -5"),
        ("1,50 and 12,345,678", "1,50 and 12345678"),
        ("高333米", "高 333 米"),
        ("東京タワー", "東 京 タ ワ ー 東京 京タ タワ ワー"),
        ("배는 떠난다", "배 는 배는 떠 난 다 떠난 난다"),
        ("ที่นี่", "ที่ นี่ ที่นี่"),
        ("über die Brücke", "über die Brücke"),
    ],
)
def test_what_postgres_takes_for_one_word_is_opened(text, words):
    assert full_text.opened(text).split() == words.split()


@pytest.mark.parametrize("piece", ["a-", "1,", "字", "a.b", "ก็", "-/_"])
def test_a_text_is_opened_in_time_linear_in_its_length(piece):
    def seconds(length: int) -> float:
        text, start = piece * (length // len(piece)), time.process_time()
        full_text.opened(text)
        return time.process_time() - start

    assert min(seconds(400_000) for _ in range(3)) < 20 * max(seconds(80_000), 0.02)


@pytest.mark.parametrize(("name", "code"), zip(LEAFLETS, ["es", "de", "zh", "ko", "hi"], strict=True))
def test_the_language_of_a_leaflet_is_detected(name, code):
    assert language(LEAFLETS[name]["text"]) == code


@pytest.mark.parametrize("text", ["", "12 | 13\n14 | 15", "EUR 12.50 | 13:40 | 7 kg", "Pier 1 | 14 m\n" * 40])
def test_a_text_without_sentences_does_not_tell_its_language(text):
    assert language(text) is None


def test_a_document_that_does_not_tell_is_searched_as_most_passages_are():
    chunks = passages("a", "b", "c", "d", "e").with_columns(language=pl.Series(["de", "zh", None, "de", "en"]))
    assert list(full_text.searches(chunks, {"german", "simple"}).values()) == [
        "german",
        "simple",
        "german",
        "german",
        "simple",
    ]
    assert set(full_text.searches(passages("a"), full_text.NAMES.values()).values()) == {"simple"}
