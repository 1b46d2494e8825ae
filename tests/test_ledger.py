"""The ledger counts raw and kept rows with their costs; coverage lists the passages without rows."""

import shutil

import polars as pl
import pytest

from commands import coverage, ledger
from parts.project import metrics
from schemas.chunks import Chunks
from schemas.pairs import Ledger
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT
from tests.test_curate import CHUNKS, curated, raw


@pytest.fixture
def curated_here(workplace):
    """A ledger of two documents of two passages each, the second of one with no row, the first of the other with no kept one."""
    spans = [("a", 0, 40), ("a", 40, 100), ("b", 0, 30), ("b", 32, 92)]
    chunks = pl.concat([
        CHUNKS.with_columns(
            doc_id=pl.lit(doc), chunk_id=pl.lit(f"{doc}#{start}"), start=pl.lit(start), end=pl.lit(end),
            heading=pl.lit(f"Lamp {doc} > Part {start}"),
        )
        for doc, start, end in spans
    ])  # fmt: skip
    rows = [
        {"doc_id": doc, "chunk_id": chunk, "prompt": f"What does it cost in {chunk}?", "completion": answer}
        for doc, chunk, answer in [("a", "a#0", "1,430 euros"), ("b", "b#0", "steel"), ("b", "b#32", "2.4 kg")]
    ]
    chunks = chunks.cast({"start": pl.Int64, "end": pl.Int64})
    Chunks.write(chunks)
    Ledger.write(curated(raw(*rows), chunks))
    metrics.write("synthesize/qa", {"prompt_tokens": 1_000_000, "new_tokens": 500_000})
    (workplace.path / "prices.yaml").write_text(
        "dated: 2026-06-17\nmachine_per_hour: 0\nmachine_cpus: 1\nmodels:\n  m: { prompt: 0.5, new: 1 }\n"
    )
    return workplace


def cells(output: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines()]


def test_the_ledger_shows_raw_and_kept_rows_and_the_cost_of_a_kept_row(curated_here, capsys):
    ledger.main()
    rows = cells(capsys.readouterr().out)
    assert ["b", "qa", "2", "1", "1 not grounded"] in rows
    assert ["qa", "raw", "3", "29", "100.0", "1.0000", ""] in rows
    assert ["qa", "kept", "2", "20", "66.7", "", "0.500000"] in rows
    assert [row[:3] for row in rows if "not grounded" in row] == [["qa", "not grounded", "1"]]


def test_costs_of_a_teacher_without_a_price_are_no_price(curated_here, capsys):
    shutil.copy(ROOT / "prices.yaml", "prices.yaml")
    ledger.main()
    assert capsys.readouterr().out.count("no price") == 2


def test_coverage_lists_the_passages_without_rows(curated_here, capsys):
    coverage.main()
    rows = cells(capsys.readouterr().out)
    assert ["a", "40.0", "40", "100", "Lamp a > Part 40", "no rows generated"] in rows
    assert ["b", "66.7", "0", "30", "Lamp b > Part 0", "not grounded"] in rows
    assert rows[-1] == ["52.6% of the characters have rows; 2 of 4 passages have none"]


@pytest.mark.parametrize("program", [ledger, coverage])
def test_a_missing_table_ends_with_one_line(program, workplace):
    assert "is not there yet" in error_line(program.main)
