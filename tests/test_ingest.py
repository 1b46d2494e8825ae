"""Every file is a document or in Rejected, with a reason that a person can act on."""

import importlib
import io
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pebble import ProcessPool

from invitro.world import writers
from invitro.world.documents import Block, Line
from parts.corpus import archive, workers
from parts.corpus.readers import docx, html, pdf, plain
from parts.project import metrics
from parts.project.errors import UserError
from schemas.documents import Documents
from schemas.rejected import Rejected
from stages import ingest
from tests.helpers.cli import error_line
from tests.helpers.source_code import ROOT

BLOCKS = [
    Block("Notes", "paragraph", (Line("Dorva Lamp 200 costs 430 euros & more."), Line("It weighs 2.4 kg."))),
    Block(
        "Prices",
        "table",
        (Line("Item Price", cells=("Item", "Price")), Line("wall mount 5 euros", "w", cells=("wall mount", "5 euros"))),
    ),
    Block("Steps", "steps", (Line("Read the meter."), Line("Close the windows."))),
]


@pytest.mark.parametrize("suffix", list(writers.WRITERS))
def test_every_format_gives_back_what_was_written(suffix, tmp_path):
    (tmp_path / f"lamp{suffix}").write_bytes(writers.WRITERS[suffix]("Dorva Lamp 200", BLOCKS))
    documents, rejected = ingest.ingest(tmp_path)
    row = documents.row(0, named=True)
    assert row["title"] == "Dorva Lamp 200"
    for sentence in ("costs 430 euros & more. It weighs 2.4 kg.", "1. Read the meter.", "wall mount"):
        assert sentence in " ".join(row["text"].split())
    assert "console.log" not in row["text"]
    assert "A to Z" not in row["text"]
    assert not len(rejected)


@pytest.mark.parametrize("suffix", [".md", ".html", ".docx"])
def test_headings_and_tables_stay_markdown(suffix, tmp_path):
    (tmp_path / f"lamp{suffix}").write_bytes(writers.WRITERS[suffix]("Dorva Lamp 200", BLOCKS))
    text = ingest.ingest(tmp_path)[0]["text"][0]
    assert "## Notes" in text
    assert "| wall mount | 5 euros |" in text


def test_pages_of_a_pdf_are_parted_by_form_feeds():
    long = [Block(f"Part {n}", "paragraph", (Line(f"Sentence {n} " * 60),)) for n in range(6)]
    title, text = pdf.read(writers.as_pdf("Long", long))
    assert title == "Long"
    assert text.count("\f") >= 1


def test_wrapped_lines_of_a_pdf_are_joined_and_others_are_not():
    text = "The designer of Belbik Router 200 is Maritos Korlus. " * 4
    block = Block("Notes", "paragraph", (Line(text.strip()),))
    steps = Block("Steps", "steps", (Line("Read the meter. " + text.strip()), Line("Close the windows.")))
    lines = pdf.read(writers.as_pdf("Belbik Router 200", [block, steps]))[1].splitlines()
    assert text.strip() in lines
    assert lines[:2] == ["# Belbik Router 200", "## Notes"]
    assert lines[-1] == "2. Close the windows."


@pytest.mark.parametrize("suffix", [".html", ".docx"])
def test_the_first_row_of_a_table_is_its_header(suffix, tmp_path):
    (tmp_path / f"lamp{suffix}").write_bytes(writers.WRITERS[suffix]("Dorva Lamp 200", BLOCKS))
    lines = ingest.ingest(tmp_path)[0]["text"][0].splitlines()
    at = lines.index("| Item | Price |")
    assert lines[at + 1] == "| --- | --- |"
    assert lines[at - 1] == ""


def test_text_in_utf_16_with_its_mark_is_read():
    assert plain.read("wörter".encode("utf-16"))[1] == "wörter"


def test_html_in_the_charset_it_names_is_read():
    page = '<html><head><meta charset="windows-1252"></head><body><p>naïve café</p></body></html>'
    assert "naïve café" in html.read(page.encode("cp1252"))[1]


def test_files_are_read_a_little_ahead_and_come_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "AHEAD", 3)
    files = [(f"{n}.txt", tmp_path / f"{n}.txt") for n in range(9)]
    for name, path in files:
        path.write_text(f"It is {name}.")
    asked = []
    schedule = ProcessPool.schedule
    monkeypatch.setattr(ProcessPool, "schedule", lambda *args, **more: asked.append(1) or schedule(*args, **more))
    readings = workers.read_files(files)
    first = next(readings)
    assert len(asked) == 4
    assert [each.text for each in (first, *readings)] == [f"It is {name}." for name, _ in files]


@pytest.mark.parametrize(
    ("name", "data", "reason", "message"),
    [
        ("a.md", b"\x81\xff\x00\xfa", "unsupported", "no text"),
        ("a.md", b"  \n", "empty", "has no text"),
        ("a.md", b"# Leave\n\nTravel\n======\n\n## Food\n", "empty", "has headings alone: write text below them"),
        ("a.docx", b"PK\x03\x04 not a zip", "broken", "an archive that cannot be opened"),
        ("a.pdf", b"%PDF-1.4 broken", "broken", "not a PDF"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 80, "broken", "old Office file"),
        ("a.json", b'{"a": ', "broken", "no JSON"),
        ("a.xml", b"<a><b></a>", "broken", "XML"),
        ("a.ipynb", b"[]", "broken", "notebook"),
    ],
)
def test_an_unreadable_file_is_in_rejected_and_the_others_are_read(workplace, capsys, name, data, reason, message):
    raw = workplace.path / "data" / "raw"
    raw.mkdir()
    (raw / "good.md").write_text("# Good\n\nA sentence.\n")
    (raw / name).write_bytes(data)
    ingest.main()
    assert Documents.read()["doc_id"].to_list() == ["good.md"]
    row = Rejected.read().row(0, named=True)
    assert (row["path"], row["reason"]) == (name, reason)
    assert message in row["message"]
    assert f"1 of 2 files are left out: 1 {reason}, such as {name} " in capsys.readouterr().out
    assert metrics.read("ingest") | {"characters": 0} == {
        "documents": 1, "characters": 0, "files_left_out": 1, f"rejected_{reason.replace(' ', '_')}": 1,
    }  # fmt: skip


def test_more_files_left_out_than_params_allow_end_the_run_and_write_nothing(workplace):
    raw = workplace.path / "data" / "raw"
    raw.mkdir()
    (raw / "good.md").write_text("# Good\n\nA sentence.\n")
    for name in "abc":
        (raw / f"{name}.txt").write_bytes(b"")
    line = error_line(ingest.main)
    assert "3 of 4 files are left out: 3 empty, such as a.txt has no text" in line and "ingest.most_rejected" in line
    assert not Documents.address().exists() and not Rejected.address().exists()
    workplace.change("ingest", "most_rejected", 0.8)
    ingest.main()
    assert Documents.read()["doc_id"].to_list() == ["good.md"]


def stuck(name, data):
    time.sleep(60)


def greedy(name, data):
    return "", "x" * (1 << 40)


def faulty(name, data):
    raise KeyError("styles.xml")


def deadly(name, data):
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("read", "reason"), [(stuck, "timed out"), (greedy, "too large"), (deadly, "broken"), (faulty, "broken")]
)
def test_a_file_that_breaks_its_reader_costs_that_file_alone(tmp_path, read, reason):
    """In a process of its own, for the workers are started with the code as it is on disk."""
    (tmp_path / "bad.md").write_text("bad")
    (tmp_path / "good.md").write_text("good")
    code = f"""
from pathlib import Path
from parts.corpus import reading, workers
from tests import test_ingest
whole = reading.read
reading.read = lambda name, data: (test_ingest.{read.__name__} if name == "bad.md" else whole)(name, data)
workers.SECONDS, workers.START = 2, "fork"
for each in workers.read_files([(name, Path({str(tmp_path)!r}, name)) for name in ("bad.md", "good.md")]):
    print(each.name, each.problem.reason if each.problem else each.text, flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.stdout.splitlines() == [f"bad.md {reason}", "good.md good"], done.stderr


READERS = sorted(path.stem for path in (ROOT / "parts/corpus/readers").glob("*.py"))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=100, deadline=None)
@given(data=st.binary() | st.text().map(str.encode))
def test_a_reader_gives_title_and_text_of_any_bytes_or_says_why_not(name, data):
    reader = importlib.import_module(f"parts.corpus.readers.{name}")
    try:
        title, text = reader.read(data)
    except UserError as error:
        assert str(error)
    else:
        assert isinstance(title, str) and isinstance(text, str)


def test_a_docx_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(archive, "LARGEST", 1000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b"0" * 2000)
    with pytest.raises(UserError, match="unpacks to 2,000 bytes"):
        docx.read(file.getvalue())


def test_a_scan_without_text_says_what_to_do(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.rect(10, 10, 100, 100)
    canvas.save()
    with pytest.raises(UserError, match="Tesseract"):
        pdf.read(file.getvalue())


def test_an_empty_or_missing_folder_is_an_error(workplace):
    assert "no folder" in error_line(ingest.main)
    (workplace.path / "data" / "raw").mkdir()
    assert "no documents in data/raw" in error_line(ingest.main)


def test_hidden_files_are_left_alone_and_links_that_lead_outside_are_rejected(tmp_path):
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.md").write_text("# A\n\ntext\n")
    (root / ".hidden.md").write_text("secret")
    (tmp_path / "outside.md").write_text("outside")
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    (root / "nowhere.md").symlink_to(tmp_path / "none.md")
    documents, rejected = ingest.ingest(root)
    assert documents["doc_id"].to_list() == ["sub/a.md"]
    assert rejected["path"].to_list() == ["link.md", "nowhere.md"]
    assert set(rejected["reason"]) == {"unsupported"}


def test_a_file_name_is_text_of_one_form(tmp_path):
    for name in (b"caf\xe9.md", "cafe\u0301 two.md".encode(), b"red\x1b[31m.md"):
        (tmp_path / os.fsdecode(name)).write_text("text")
    assert ingest.ingest(tmp_path)[0]["doc_id"].to_list() == ["caf\u00e9 two.md", "caf\ufffd.md", "red\ufffd[31m.md"]
