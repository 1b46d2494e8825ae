"""After an edit of one document only its new passage is sent to the teacher and embedded, and index and tables are restored."""

import asyncio
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parts.generators.shared.corpus import Corpus
from parts.project import machine, metrics, params
from parts.project.sections import Server
from parts.retrieval import postgres
from parts.retrieval.embedder import BUNDLED, Embedder
from parts.retrieval.passage_store import PassageStore
from parts.verdict.document_update import edit_document, teach
from schemas.chunks import Chunks
from schemas.documents import Documents
from schemas.pairs import RawPairs
from stages import chunk, redact, update_cost
from tests.helpers.cli import error_line
from tests.helpers.schema_server import sent, serve_schemas
from tests.helpers.source_code import ROOT

COUNT = 5


def documents(*texts: str) -> pl.DataFrame:
    return Documents.frame([{"doc_id": f"d{n}.txt", "title": f"D{n}", "text": text} for n, text in enumerate(texts)])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_an_edit_changes_one_document_and_is_always_the_same(texts):
    before = documents(*texts)
    after = edit_document(before)
    assert after.equals(edit_document(before.reverse()).sort("doc_id"))
    assert (after["text"] != before["text"]).sum() == 1
    assert after.drop("text").equals(before.drop("text"))


def test_the_document_of_median_length_is_edited():
    before = documents(*("costs 7 euros" + " a" * n for n in (4, 0, 3, 1, 2)))
    after = edit_document(before)
    assert [number for number, row in enumerate((before["text"] != after["text"]).to_list()) if row] == [4]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Lamp 200\nIt costs 40 euros. It lasts 7 years.", "# Lamp 200\nIt costs 41 euros. It lasts 7 years."),
        ("It has 12 parts.\n# Lamp 200\nIt is small.", "It has 13 parts.\n# Lamp 200\nIt is small."),
        ("Call +49-30-12 or 2.4 kg by 2024-01-02, in 9 days.", "Call +49-30-12 or 2.4 kg by 2024-01-02, in 10 days."),
        ("# Lamp 200", "# Lamp 200\n\nThis has changed since."),
        ("No number.", "No number.\n\nThis has changed since."),
    ],
)
def test_the_number_nearest_the_middle_is_one_more_and_headings_and_codes_are_left_alone(before, after):
    assert edit_document(documents(before))["text"].to_list() == [after]


@pytest.fixture
def corpus(workplace, rules, monkeypatch, embedded_postgres):
    """Documents of two passages each, chunked and redacted as the pipeline does, and the index of a run."""
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    shutil.copytree(ROOT / "models/base", workplace.path / "models/base")
    long = " ".join(["The lamp of the hall opens before the others."] * 12)
    Documents.write(
        documents(*[f"Lamp {n} costs {n + 30} euros. {long}\n\nLamp {n} weighs 7 kg." for n in range(COUNT)])
    )
    chunk.main()
    redact.main()
    workplace.change("synthesize", "qa", {"samples": 2, "count": 2, "temperature": 1.0})
    workplace.change("synthesize", "active_reading", {"strategies": 3, "samples": 1, "temperature": 0.7, "top_p": 0.95})
    return workplace


@pytest.mark.slow
def test_an_update_is_counted_and_leaves_tables_and_index_as_they_were(corpus, capsys):
    before = {path: path.read_bytes() for path in Path("data").glob("*.parquet")}
    update_cost.main()
    values, chunks = metrics.read("update_cost"), Chunks.read()
    assert len(chunks) > COUNT
    assert (values["passages_taught"], values["passages_embedded"]) == (1, 1)
    assert values["requests"] == 2 + 1 + 3  # two samples of questions, one for strategies, one for each
    assert values["prompt_tokens"] > 100 and values["new_tokens"] > 10
    timing, seconds = (
        machine.read("update_cost"),
        ("prepare_cpu_seconds", "teacher_seconds", "index_seconds", "embed_ms"),
    )
    assert all(timing[name] > 0 for name in seconds) and not set(timing) & set(values)
    assert "6 requests (6 paid now)" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in Path("data").glob("*.parquet")} == before
    assert not RawPairs.address("qa").exists()
    with postgres.connect() as connection:
        retrieve = params.load("retrieve", postgres.RetrieveParams)
        store = PassageStore(connection, postgres.schema(), retrieve, Embedder(BUNDLED))
        assert store.sync(chunks) == 0  # a passage that differs would be embedded here


@pytest.mark.slow
def test_the_teacher_reads_an_edited_passage_with_personal_data_masked(corpus, cue):
    serve_schemas(cue)
    Documents.write(documents(*[f"Lamp {n} costs {n + 30} euros. Write to ana{n}@example.org." for n in range(3)]))
    chunk.main()
    redact.main()
    update_cost.main()
    assert "costs 32 euros" in sent(cue), "the document of median length, its number one more"
    assert "EMAIL_ADDRESS" in sent(cue) and "example.org" not in sent(cue)


def test_cached_replies_count_and_are_not_paid_again(workplace, rules, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", rules)
    workplace.change("synthesize", "qa", {"samples": 2, "count": 2, "temperature": 1.0})
    chunks = [
        {"chunk_id": f"d#{n}", "doc_id": "d", "heading": "Lamp", "text": f"Lamp 5 costs {n} euros."} for n in (35, 36)
    ]
    corpus = Corpus(chunks, embed=None)
    first, again = (asyncio.run(teach(corpus, ["d#35"], ["qa"], Server(model="rules-4")))[0] for _ in range(2))
    assert first.metrics() == again.metrics()
    assert (first.paid, again.paid) == (2, 0)


def test_an_arm_rag_that_searches_no_index_is_named_in_one_line(corpus):
    corpus.params["arms"]["rag"]["retriever"] = "gold"
    corpus.change("chunk", "max_tokens", 80)
    assert "arms.rag.retriever is gold" in error_line(update_cost.main)
