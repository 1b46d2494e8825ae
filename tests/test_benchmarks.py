"""Every benchmark runs at tiny size, and writes the figures of its committed results."""

import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from benchmarks import answer, gpu, ingest, models, mutation, rag, scale, scorers, stats, synthesis
from benchmarks.baselines import exams
from benchmarks.baselines.faults import faults, with_fault
from benchmarks.baselines.figures import RESULTS
from commands import docs_scale
from invitro.world import corpus
from invitro.world.company import make_company
from parts.retrieval import tuned_settings
from schemas.chunks import Chunks
from schemas.contexts import Contexts
from schemas.questions import Questions
from tests.helpers.source_code import ROOT


@pytest.fixture(autouse=True)
def tuned(monkeypatch):
    """Settings of retrieval as the stage tune_retrieval would write them."""
    monkeypatch.setattr(tuned_settings, "read", lambda: tuned_settings.TunedSettings(passages=2, lexical_weight=0.6))


@pytest.fixture(autouse=True, scope="module")
def committed():
    """Hold every test to leaving the committed results alone."""
    before = {path.name: path.read_bytes() for path in RESULTS.iterdir()}
    yield
    assert {path.name: path.read_bytes() for path in RESULTS.iterdir()} == before


def keys(values: dict) -> set[str]:
    """Return the keys of results without their sizes."""
    return {re.sub(r"\d+[km]?", "N", key) for key in values}


def compared(folder, name: str) -> tuple[dict, set[str]]:
    """Return the figures that a run wrote to `folder`, and the keys in which they differ from the committed ones."""
    values = json.loads((folder / f"{name}.json").read_text())
    return values, keys(values) ^ keys(json.loads((RESULTS / f"{name}.json").read_text()))


def test_scorers_are_compared_with_a_persons_calls(tmp_path):
    scorers.main(tmp_path)
    values, different = compared(tmp_path, "scorers")
    assert not different
    assert values["pairs"] >= 200 and values["called_right"] >= 0.95


@pytest.mark.slow
def test_models_compares_trainings_whose_rows_share_their_beginning_with_padded_ones(tmp_path, qwen):
    models.main(8, str(qwen), results=tmp_path)
    values, different = compared(tmp_path, "models")
    assert not different
    assert values["rows_per_second_over_trl"] > 0


def test_stats_measures_the_coverage_of_each_interval(tmp_path):
    stats.main(3, results=tmp_path)
    values, different = compared(tmp_path, "stats")
    assert not different
    assert values["trials"] == 3
    assert all(0 <= value <= 1 for key, value in values.items() if key.startswith("coverage"))


def exam(size: int) -> None:
    """Write an exam of `size` questions, each with two passages, one of them its own."""
    chunk = {"start": 0, "end": 9, "page": 1, "heading": "Lamps", "n_tokens": 9}
    rows = [
        chunk | {"chunk_id": f"c{n}", "doc_id": f"{n}.md", "text": f"Lamp {n} costs {n} euros."} for n in range(size)
    ]
    Chunks.write(Chunks.frame(rows))
    question = {"doc_id": None, "kind": "fact", "options": None, "answerable": True, "gold_chunk_ids": []}
    rows = [
        question | {"question_id": f"q{n}", "question": f"What does Lamp {n} cost?", "references": [f"{n} euros"]}
        for n in range(size)
    ]
    Questions.write(Questions.frame(rows))
    rows = [
        {"question_id": f"q{n}", "rank": rank, "chunk_id": f"c{(n + rank - 1) % size}", "score": 1 / rank}
        for n in range(size)
        for rank in (1, 2)
    ]
    Contexts.write(Contexts.frame(rows), "hybrid")
    Contexts.write(Contexts.frame([]), "none")


@pytest.mark.slow
def test_gpu_trains_and_asks_a_student_of_random_weights_and_writes_a_report(tmp_path):
    gpu.main("tiny", results=tmp_path / "results")
    values, committed = (json.loads((folder / "gpu.json").read_text()) for folder in (tmp_path / "results", RESULTS))
    measured = {key.removeprefix("tiny_") for key in values}
    assert measured == {re.sub(r"^[\d.]+B_", "", key) for key in committed}
    assert all(values[f"tiny_{way}_rows_per_second_8"] > 0 for way in ("ours", "padded", "trl"))
    report = (tmp_path / "RESULTS.md").read_text()
    assert report.count("| tiny |") == 3 and values["device"] in report


@pytest.mark.slow
def test_answer_times_every_way_to_answer_and_ours_agrees_with_the_loop(workplace, tmp_path):
    base = str(ROOT / "models/base")
    workplace.change("student", "model", base)
    workplace.change("answer", "max_new_tokens", 8)
    sections = yaml.safe_load((workplace.path / "params.yaml").read_text())
    for name in answer.ARMS:
        workplace.change("arms", name, sections["arms"][name] | {"model": "student"})
    exam(6)
    answer.main(3, rounds=1, blocks=64, results=tmp_path)
    values, different = compared(tmp_path, "answer")
    assert not different
    assert values["batch_agreement"] == values["alone_agreement"] == 1


def tiny_corpora(folder) -> None:
    """Write corpora of a made-up company by the names and in the formats of the public ones."""
    company = make_company(3, "exam", 8)
    (folder / "squad").mkdir(parents=True)
    corpus.write(company, 3, 14, folder / "northwind")
    (folder / "northwind/raw").rename(folder / "northwind/docs")
    (folder / "northwind/exam.jsonl").rename(folder / "northwind/qa.jsonl")
    rows = []
    for entity in company.entities:
        facts = list(entity.facts.items())
        asked = [{"question": f"What is the {name} of {entity.name}?", "answer": value} for name, value in facts[:2]]
        text = " ".join(f"The {name} is {value}." for name, value in facts)
        rows.append({"title": entity.name.replace(" ", "_"), "context": text, "questions": asked})
    (folder / "squad/squad_val_third.json").write_text(json.dumps(rows))


@pytest.mark.slow
def test_ingest_measures_what_becomes_of_files_and_what_processes_cost(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "DOCUMENTS", 8)
    (tmp_path / "messy").mkdir()
    (tmp_path / "messy/good.md").write_text("text")
    (tmp_path / "messy/bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "northwind/docs").mkdir(parents=True)
    (tmp_path / "northwind/docs/a.txt").write_text("A line that\ngoes on.\nAnother one.\n")
    ingest.main(str(tmp_path), str(tmp_path / "messy"), tmp_path)
    figures = json.loads((tmp_path / "ingest.json").read_text())
    assert [figures[key] for key in ("messy_crashed", "messy_unaccounted", "messy_read")] == [0, 0, 1]
    assert (figures["northwind_broken_lines"], figures["northwind_control_characters"]) == (1, 0)
    assert figures["docs_per_second"] > 0 and figures["docs_per_second_over_bare_2"] > 0


def test_rag_measures_recall_and_speed_without_bm25(tmp_path):
    tiny_corpora(tmp_path / "corpora")
    sizes = rag.Sizes(passages=60, questions=8, vectors=200, probes=5, embedded=40, rounds=1)
    rag.main(str(tmp_path / "corpora"), sizes=sizes, bm25=False, results=tmp_path)
    values, different = compared(tmp_path, "rag")
    assert {key for key in different if "bmN" not in key} == {"version_PyStemmer"}
    assert values["squad_recall8_hybrid"] == 1 and values["squad_questions"] == 16
    assert values["hnsw_recall10"] > 0.9 and values["hnsw_vectors"] == 200


def test_sizes_are_short_in_keys_and_read_again():
    assert [scale.label(size) for size in (20, 10_000, 2_000_000)] == ["20", "10k", "2m"]
    values = {"a_ms_2m": 3, "a_ms_20": 1, "a_ms_10k": 2, "a_ms_growth": 9, "b_a_ms_10k": 9}
    assert docs_scale.by_size(values, "a_ms") == {20: 1, 10_000: 2, 2_000_000: 3}


def test_growth_is_the_slope_of_a_line_through_the_logarithms():
    assert docs_scale.power_law({10: 1, 100: 100, 1000: 10_000}) == pytest.approx((0.01, 2, 1))
    _, power, r2 = docs_scale.power_law({10: 1, 100: 30, 1000: 100})
    assert power == pytest.approx(1) and 0.9 < r2 < 1
    assert docs_scale.line({1: 5, 2: 7, 3: 9}) == pytest.approx((3, 2, 1))


@pytest.mark.slow
def test_scale_measures_growth_in_processes_of_their_own_and_keeps_the_figures_of_others(tmp_path):
    (tmp_path / "scale.json").write_text('{"ddp_loss_gap": 0.001, "cache_lookup_us_60": 7}')
    scale.main("curate", "cache", "index", "folder", sizes=dict.fromkeys(scale.SIZES, (60, 120)), results=tmp_path)
    values, different = compared(tmp_path, "scale")
    assert values["ddp_loss_gap"] == 0.001 and 0 < values["cache_lookup_us_60"] != 7
    assert values["curate_kept_120"] > values["curate_kept_60"] > 20, "a fact asked in two forms is kept in both"
    assert 0 < values["query_ms_120"] <= values["query_p95_ms_120"] and values["curate_peak_mb_60"] > 0
    assert values["ingest_peak_mb_120"] > 0 and values["folder_text_mb_120"] > values["folder_text_mb_60"] > 0
    assert not {
        key for key in different if key.startswith(("curate", "cache", "index", "query", "folder", "ingest_peak"))
    }


@pytest.mark.slow
def test_our_training_is_compared_with_a_bare_loop_over_the_same_steps(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert 0 < scale.train_over_bare(8) < 5


@pytest.mark.slow
def test_embedding_and_reading_are_compared_with_what_is_bare(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(scale, "READ", 8)
    assert 0 < scale.embed_over_bare(8) < 20 and 0 < scale.ingest_speedup() < 20


@pytest.mark.slow
def test_a_launched_training_is_compared_with_one_in_this_process():
    assert scale.loss_gap("single") == 0


@pytest.mark.slow
def test_synthesis_loses_and_repeats_nothing(tmp_path):
    sizes = synthesis.Sizes(
        requests=100, throughput=100, cached=(1000, 2000), replays=1, interrupted=5, kills=2, documents=8
    )
    synthesis.main(sizes=sizes, results=tmp_path)
    values, different = compared(tmp_path, "synthesis")
    assert different <= {"fault_rows_unparsed", "fault_rows_cut_off"}, "few replies are lost in so few"
    assert values["curator_wall_over_ideal"] is None
    assert values["kill_bytes_equal"] and values["kill_extra_requests"] <= 0
    assert values["fault_rows_lost"] == values["fault_rows_doubled"] == 0
    assert values["edit_calls"] == values["edit_calls_needed"] == 6


SOURCE = """
class Params(BaseModel, frozen=True):
    "A docstring."
    most: int | None = 3

def pick(rows, key="name"):
    "Another."
    if not rows or len(rows) > 2:
        raise ValueError(f"{rows} too many")
    total = 0
    total += sum(rows, start=1) * 2
    return total
"""
FAULTS = [
    (4, "constant changed", "3", "4"),
    (6, "constant changed", "'name'", "'name_'"),
    (8, "boolean negated", "not rows or len(rows) > 2", "not rows and len(rows) > 2"),
    (8, "boolean negated", "not rows or len(rows) > 2", "not (not rows or len(rows) > 2)"),
    (8, "boolean negated", "not rows", "rows"),
    (8, "comparison swapped", "len(rows) > 2", "len(rows) >= 2"),
    (8, "constant changed", "2", "3"),
    (9, "statement deleted", "raise ValueError(f'{rows} too many')", "pass"),
    (10, "constant changed", "0", "1"),
    (11, "arithmetic swapped", "total += sum(rows, start=1) * 2", "total -= sum(rows, start=1) * 2"),
    (11, "statement deleted", "total += sum(rows, start=1) * 2", "pass"),
    (11, "arithmetic swapped", "sum(rows, start=1) * 2", "sum(rows, start=1) / 2"),
    (11, "argument dropped", "sum(rows, start=1)", "sum(rows)"),
    (11, "constant changed", "1", "2"),
    (11, "constant changed", "2", "3"),
    (12, "return None", "return total", "return None"),
]


def test_a_fault_is_one_change_that_may_matter():
    every = faults("a.py", SOURCE)
    assert [(fault.line, fault.kind, fault.before, fault.after) for fault in every] == FAULTS
    texts = {with_fault(SOURCE, fault.number) for fault in every}
    assert len(texts) == len(FAULTS), "each is another program"
    assert "total -= sum(rows, start=1) * 2" in with_fault(SOURCE, 9)


def test_a_fault_meets_the_tests_that_import_its_module_its_namesake_first():
    tests = mutation.tests_that_see(Path("parts/scoring/choice.py"), 4)
    assert tests[0] == "tests/test_choice.py" and "tests/test_score.py" in tests and len(tests) == 4


@pytest.mark.slow
def test_mutation_counts_the_faults_that_tests_notice_and_keeps_the_reasons_of_the_others(tmp_path):
    arguments = ["--rooms", "curation", "--sample", "1", "--workers", "1", "--tests", "tests/test_jsonl.py"]
    rows = [{"path": "parts/llm/client.py", "line": 1, "kind": "k", "before": "a", "after": "b", "reason": "why"}]
    (tmp_path / "mutation_survivors.json").write_text(json.dumps(rows))
    code = "import pathlib, sys; from benchmarks import mutation; "
    code += "mutation.main(*sys.argv[2:], results=pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path), *arguments]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "mutation_killed_curation  0.0  (goal: >= 0.90)" in output, "tests of JSON lines know nothing of curation"
    survivors = json.loads((tmp_path / "mutation_survivors.json").read_text())
    assert len(survivors) == 2 and survivors[-1]["reason"] == "why" and output.count("survived: ") == 1
    assert json.loads((tmp_path / "mutation.json").read_text())["mutation_faults_curation"] == 1


def test_a_cited_page_is_widened_by_the_page_after_it():
    rows = [("a1", "a", 1), ("a2", "a", 2), ("b2", "b", 2), ("a3", "a", 3)]
    chunks = Chunks.frame([
        {"chunk_id": chunk, "doc_id": doc, "page": page, "start": 0, "end": 1, "heading": "", "text": chunk, "n_tokens": 1}
        for chunk, doc, page in rows
    ])  # fmt: skip
    questions = pl.DataFrame({"gold_chunk_ids": [[["a1"], ["b2"]], [["a3"]]]})
    widened = exams.or_next_page(questions, chunks)["gold_chunk_ids"].to_list()
    assert widened == [[["a1", "a2"], ["b2"]], [["a3"]]]
