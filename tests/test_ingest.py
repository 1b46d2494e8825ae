"""Files become text; unreadable ones are named, and then nothing is written."""

import importlib
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invitro.world import writers
from invitro.world.documents import Block, Line
from parts.corpus.readers import docx, html, pdf, plain
from parts.project.errors import UserError
from schemas.documents import Documents
from stages import ingest
from tests.helpers.cli import error_line

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
    documents, skipped = ingest.ingest(tmp_path)
    row = documents.row(0, named=True)
    assert row["title"] == "Dorva Lamp 200"
    for sentence in ("costs 430 euros & more. It weighs 2.4 kg.", "1. Read the meter.", "wall mount"):
        assert sentence in " ".join(row["text"].split())
    assert "console.log" not in row["text"]
    assert "A to Z" not in row["text"]
    assert not skipped


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
    assert lines[:2] == ["Belbik Router 200", "Notes"]
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


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.md", b"\xff\x00\xfa", "UTF-8"),
        ("a.md", b"  \n", "empty"),
        ("a.html", b"\x89PNG\0\0", "zero bytes"),
        ("a.docx", b"not a zip", "no zip archive"),
        ("a.pdf", b"%PDF-1.4 broken", "not a PDF"),
    ],
)
def test_an_unreadable_file_ends_ingest_with_its_name_and_writes_nothing(workplace, name, data, message):
    raw = workplace.path / "data" / "raw"
    raw.mkdir()
    (raw / "good.md").write_text("# Good\n\nA sentence.\n")
    (raw / name).write_bytes(data)
    line = error_line(ingest.main)
    assert name in line
    assert message in line
    assert not Documents.address().exists()
    (raw / name).unlink()
    ingest.main()
    assert Documents.read()["doc_id"].to_list() == ["good.md"]


@pytest.mark.parametrize("name", sorted(set(ingest.READERS.values())))
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
    monkeypatch.setattr(docx, "LARGEST", 1000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 2000)
    with pytest.raises(UserError, match="unpacks to 2,000 bytes"):
        docx.read(file.getvalue())


def test_a_scan_without_text_says_what_to_do():
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.rect(10, 10, 100, 100)
    canvas.save()
    with pytest.raises(UserError, match="OCR"):
        pdf.read(file.getvalue())


def test_an_empty_or_missing_folder_is_an_error(workplace):
    assert "no folder" in error_line(ingest.main)
    (workplace.path / "data" / "raw").mkdir()
    assert "no documents in data/raw" in error_line(ingest.main)


def test_other_files_are_counted_and_hidden_ones_and_links_that_lead_outside_are_skipped(tmp_path):
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.md").write_text("# A\n\ntext\n")
    (root / "photo.png").write_bytes(b"x")
    (root / ".hidden.md").write_text("secret")
    (tmp_path / "outside.md").write_text("outside")
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    documents, skipped = ingest.ingest(root)
    assert documents["doc_id"].to_list() == ["sub/a.md"]
    assert skipped == {".png": 1}
