"""A leaflet in five languages is read, cut into passages and scored as its readers would; test_curate.py has its grounding."""

import unicodedata
from pathlib import Path

import pytest
import yaml

from parts.corpus.evidence import build_exam
from parts.corpus.question_file import Evidence, Question
from parts.corpus.splitting import split_documents
from parts.scoring import exact
from stages import ingest
from tests.helpers.source_code import ROOT

LEAFLETS = yaml.safe_load((Path(__file__).parent / "data/languages.yaml").read_text(encoding="utf-8"))


@pytest.fixture(params=LEAFLETS)
def leaflet(request, tmp_path):
    """The documents, passages and facts of a language; its file is written as macOS would, in NFD."""
    (tmp_path / "leaflet.md").write_text(
        unicodedata.normalize("NFD", LEAFLETS[request.param]["text"]), encoding="utf-8"
    )
    documents, rejected = ingest.ingest(tmp_path)
    assert rejected.is_empty()
    return (
        documents,
        split_documents(documents, 25, lambda text: len(text.encode()) // 4),
        LEAFLETS[request.param]["facts"],
    )


@pytest.mark.slow
def test_a_leaflet_is_cut_at_its_headings_and_each_answer_is_found_where_it_stands(leaflet):
    documents, passages, facts = leaflet
    assert passages["heading"].n_unique() == 2 and len(passages) > 2
    exam, n_missing = build_exam(
        [Question(f"q{n}", asked, [right], True, "fact", evidence=[Evidence("leaflet.md", quote=right)])
         for n, (asked, right, _) in enumerate(facts)],
        documents, passages,
    )  # fmt: skip
    texts = dict(passages.select("chunk_id", "text").rows())
    assert n_missing == 0
    for row, (_, right, _) in zip(exam.to_dicts(), facts, strict=True):
        assert "".join(right.split()) in "".join(
            "".join(texts[chunk_id] for chunk_id in row["gold_chunk_ids"][0]).split()
        )


def test_an_answer_is_right_in_either_form_of_its_letters_and_a_wrong_one_is_not():
    for facts in (leaflet["facts"] for leaflet in LEAFLETS.values()):
        for _, right, wrong in facts:
            assert exact.score(f"Answer: {unicodedata.normalize('NFD', right)}", [right], True)["exact"] == 1
            assert exact.score(f"Answer: {wrong}", [right], True)["exact"] == 0


def test_a_teacher_is_asked_to_write_in_the_language_of_the_passage():
    silent = {"active_reading/strategies", "entigraph/entities", "exam/answered"}  # plans, quotations and a verdict
    for name in ("qa", "paraphrase", "entigraph", "active_reading", "focal", "exam"):
        for path in sorted((ROOT / "prompts" / name).glob("*.md")):
            asks = "in the language of the" in " ".join(path.read_text().split())
            assert asks == (f"{name}/{path.stem}" not in silent), path
