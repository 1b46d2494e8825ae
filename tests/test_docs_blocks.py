"""The generated blocks of README.md and docs/ show what is there: code of the working tree, metrics of the commit."""

import subprocess
from pathlib import Path

import pytest

from commands import docs, docs_tables
from schemas.table import Table
from tests.helpers.cli import error_line
from tests.helpers.doc_pages import PAGES
from tests.helpers.source_code import ROOT


def marked() -> dict[str, str]:
    """Return the page of each generated block. Fails for one that is on two."""
    blocks = [(match[1], page) for page, text in PAGES.items() for match in docs.MARKS.finditer(text)]
    assert len(dict(blocks)) == len(blocks)
    return dict(blocks)


def test_every_block_has_one_place_and_every_mark_a_block():
    assert set(marked()) == {*docs.MEASURED, *docs.SOURCE}


def shown(name: str) -> str:
    return next(match[2] for match in docs.MARKS.finditer(Path(marked()[name]).read_text()) if match[1] == name)


@pytest.mark.slow  # the section `pretrain` imports torch
@pytest.mark.parametrize("name", docs.SOURCE)
def test_a_block_from_the_code_is_that_of_the_working_tree(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    assert shown(name) == docs.SOURCE[name](), f"{marked()[name]}: run `make docs`"


@pytest.mark.parametrize("name", docs.MEASURED)
def test_a_committed_block_shows_the_metrics_that_were_committed_with_it(tmp_path, monkeypatch, name):
    paths = ["README.md", "benchmarks/results", "docs", "experiments/real", "metrics", "params.yaml", "prices.yaml"]
    archive = subprocess.run(["git", "archive", "HEAD", *paths], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x"], cwd=tmp_path, input=archive.stdout, check=True)
    monkeypatch.chdir(tmp_path)  # a run that is not committed yet may differ, in its latencies at least
    assert shown(name) == docs.MEASURED[name](), f"{marked()[name]}: run `make docs`"


def test_docs_fills_blocks_and_leaves_the_rest_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text("before\n<!-- rooms -->\nold\n<!-- rooms -->\nafter\n")
    docs.main()
    assert Path("README.md").read_text() == f"before\n<!-- rooms -->\n{docs.rooms()}\n<!-- rooms -->\nafter\n"
    assert "README.md" in capsys.readouterr().out
    docs.main()
    assert capsys.readouterr().out == ""


def test_a_page_whose_metrics_a_stopped_experiment_took_away_says_what_brings_them_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text("<!-- leak -->\nold\n<!-- leak -->\n")
    assert "README.md: metrics/leak.json is missing: `git checkout` brings it back" in error_line(docs.main)
    assert "old" in Path("README.md").read_text()


def test_the_rooms_are_the_folders_that_git_knows():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [path.split("/") for path in listed.splitlines() if not path.startswith(".")]
    tops = {parts[0] for parts in paths if len(parts) > 1} - {"data", "metrics", "models", "plots", "report"}
    nested = {"/".join(parts[:2]) for parts in paths if parts[0] in ("parts", "invitro") and len(parts) > 2}
    assert set(docs.ROOMS) == tops | nested


def test_every_table_is_documented():
    def below(cls: type) -> set[type]:
        return {cls}.union(*map(below, cls.__subclasses__()))

    assert {cls for cls in below(Table) if cls.__module__.startswith("schemas.")} - {Table} == set(docs_tables.TABLES)
