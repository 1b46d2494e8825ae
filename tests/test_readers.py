"""Each format gives its text, right to the letter; the kind of a file is in its bytes and not in its name."""

import io
import json
import os
import shutil
import time
import zipfile
from email.message import EmailMessage

import pytest

from parts.corpus import reading
from parts.corpus.cleaning import clean
from parts.corpus.encoding import decode
from parts.corpus.kinds import reader_of
from parts.corpus.readers import html, image, pdf
from parts.corpus.unreadable import Unreadable

GERMAN = "Für größere Mengen zahlen Sie später. Die Gebühr beträgt fünf Euro, die Prüfung dauert länger. " * 4
POLISH = "Zażółć gęślą jaźń, proszę bardzo. Opłata wynosi pięć złotych, a książka jest już gotowa na półce. " * 6
JAPANESE = "名前は佐藤太郎です。年齢は三十歳で、住所は東京にあります。料金は五百円です。" * 6


def zipped(members: dict[str, str], first: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if first:
            archive.writestr("mimetype", first)
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"), (GERMAN, "utf-8-sig"), (GERMAN, "utf-16"), (GERMAN, "utf-16-le"), (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"), (GERMAN, "utf-32-le"), (GERMAN, "utf-32-be"), (GERMAN, "cp1252"), (POLISH, "cp1250"),
        (JAPANESE, "cp932"), (JAPANESE, "euc_jp"),
    ],
)  # fmt: skip
def test_text_is_decoded_with_a_mark_and_without(text, encoding):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("data", [b"\0\1\2\3" * 99, bytes(range(256)) * 4, b"text \x01\x02\x03", b"ab\0"])
def test_bytes_that_are_no_text_are_refused(data):
    with pytest.raises(Unreadable) as error:
        decode(data)
    assert error.value.reason in ("unsupported", "wrong encoding")


def test_what_cannot_be_seen_goes_and_a_letter_is_written_one_way():
    assert clean("in\u00adfor\u200bmation\x02 A\ufeffB") == "information AB"
    assert clean("cafe\u0301") == "caf\u00e9"
    assert clean("a\r\nb\rc\u2028d\fe\tf") == "a\nb\nc\nd\fe\tf"
    assert clean("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937", "a joiner makes another letter in Hindi"


def test_a_word_broken_at_a_line_end_is_whole_and_keeps_a_hyphen_of_its_own():
    whole = pdf._whole_words
    assert whole("infor\x02mation about out-of-network care, not out-of\x02network") == (
        "information about out-of-network care, not out-of-network"
    )
    assert whole("a brand\x02name drug: the name of a brand") == "a brand-name drug: the name of a brand"
    assert whole("know\x02ledge; knowledge of ledge; I know") == "knowledge; knowledge of ledge; I know"


def test_what_every_page_begins_or_ends_with_is_left_out():
    pages = [
        f"Handbook 2026\nChapter {n} is about {word}.\nIt ends with {word}.\nPage {n} of 4"
        for n, word in enumerate("abcd", 1)
    ]
    without = pdf._without_running_lines(pages)
    assert without[1] == "Chapter 2 is about b.\nIt ends with b."
    assert without[0] == "Handbook 2026\nChapter 1 is about a.\nIt ends with a.", "the first may be the title"
    assert pdf._without_running_lines(pages[:2]) == pages[:2], "two pages may well begin alike"


def test_a_sentence_goes_on_in_the_next_line_of_a_narrow_column():
    page = "This line is the longest of all the lines on the page by far, it is\nThe notice period of a clerk\nis twelve days."
    assert pdf._unwrap(page).endswith("The notice period of a clerk is twelve days.")
    assert pdf._unwrap("Item Price\nwall mount 5 euros\n" + page).startswith("Item Price\nwall mount")


def test_hidden_text_is_left_out_and_raised_figures_are_not_added_to_the_number():
    page = """<p>Seen.</p><p style="color: red; DISPLAY : none">No.</p><p hidden>No.</p>
    <p>10<sup>3</sup> m, H<sub>2</sub>O, 4<sup>th</sup></p><math alttext="a^2"><mi>a</mi></math>"""
    text = html.markdown(page)[1]
    assert "No." not in text and "Seen." in text
    assert "10³ m, H₂O, 4th" in text and "a^2" in text


def test_a_cell_over_several_rows_and_columns_is_in_each_of_them_and_a_bar_ends_no_cell():
    page = """<table><tr><th>Post</th><th colspan=2>Hours</th></tr><tr><td rowspan=2>Clerk</td><td>8</td><td>a|b</td></tr>
    <tr><td>9</td><td>10</td></tr></table>"""
    lines = [line for line in html.markdown(page)[1].splitlines() if line]
    assert lines == [
        "| Post | Hours | Hours |", "| --- | --- | --- |", r"| Clerk | 8 | a\|b |", "| Clerk | 9 | 10 |",
    ]  # fmt: skip


def test_a_formula_in_word_is_text():
    from docx import Document
    from lxml import etree

    document = Document()
    paragraph = document.add_paragraph("Area: ")
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    paragraph._p.append(etree.fromstring(f'<m:oMath xmlns:m="{math}"><m:r><m:t>a=πr²</m:t></m:r></m:oMath>'))
    file = io.BytesIO()
    document.save(file)
    assert "Area: a=πr²" in reading.read("a.docx", file.getvalue())[1]


@pytest.mark.parametrize("as_pdf", [False, True], ids=["picture", "PDF"])
def test_a_scan_is_read_by_tesseract(as_pdf):
    from PIL import Image, ImageDraw

    if not shutil.which(image.PROGRAM) and not os.environ.get("CI"):
        pytest.skip("Tesseract is not installed: `apt-get install tesseract-ocr` (.ci/run does)")
    page = Image.new("L", (1200, 400), 255)
    ImageDraw.Draw(page).text((80, 120), "The board has seven seats.", font_size=72)
    file = io.BytesIO()
    page.save(file, "PDF" if as_pdf else "PNG", resolution=100)
    assert "The board has seven seats." in reading.read("scan", file.getvalue())[1]


def test_a_scan_without_tesseract_says_what_to_install(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    with pytest.raises(Unreadable, match="install Tesseract") as error:
        reading.read("scan.png", b"\x89PNG\r\n")
    assert error.value.reason == "scan without text"


def test_slides_are_pages_with_headings_tables_and_notes():
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    for number in (1, 2):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = f"Slide {number}"
    cells = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for row, column, text in ((0, 0, "Item"), (0, 1, "Price"), (1, 0, "lamp"), (1, 1, "5 euros")):
        cells.cell(row, column).text = text
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    file = io.BytesIO()
    deck.save(file)
    first, second = reading.read("deck.pptx", file.getvalue())[1].split("\f")
    assert first.startswith("## Slide 1")
    assert "## Slide 2" in second and "| lamp | 5 euros |" in second and "Say it slowly." in second


def test_sheets_are_pages_and_blocks_of_cells_are_tables():
    import datetime

    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Prices"
    for row in (["Item", "Price"], ["lamp", 5.0], [], [None, "Since"], [None, datetime.datetime(2026, 5, 4)]):
        book.active.append(row)
    book.create_sheet("Hidden").append(["secret"])
    book["Hidden"].sheet_state = "hidden"
    file = io.BytesIO()
    book.save(file)
    title, text = reading.read("price list.xlsx", file.getvalue())
    assert title == "price list"
    assert text == "## Prices\n\n| Item | Price |\n| --- | --- |\n| lamp | 5 |\n\n| Since |\n| --- |\n| 2026-05-04 |"


def test_an_open_document_gives_headings_items_and_tables():
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{cell.format(a)}{cell.format(b)}</table:table-row>"
        for a, b in (("Item", "Price"), ("lamp", "5"))
    )
    body = (
        '<text:h text:outline-level="2">Leave</text:h><text:p>Twelve<text:s/>days.<text:note>no</text:note></text:p>'
        f"<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list><table:table>{rows}</table:table>"
    )
    body = f"<office:body><office:text>{body}</office:text></office:body>"
    content = f"<office:document-content {spaces}>{body}</office:document-content>"
    data = zipped({"content.xml": content}, "application/vnd.oasis.opendocument.text")
    text = reading.read("leave.odt", data)[1]
    assert text == "## Leave\n\nTwelve days.\n\n- one\n\n| Item | Price |\n| --- | --- |\n| lamp | 5 |\n"


def test_a_book_is_read_chapter_after_chapter_as_its_spine_says():
    package = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:title>The Book</dc:title></metadata><manifest><item id="a" href="a%20b.xhtml"/><item id="b" href="b.xhtml"/></manifest>
    <spine><itemref idref="b"/><itemref idref="a"/></spine></package>"""
    data = zipped(
        {
            "META-INF/container.xml": '<container xmlns="c"><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>',
            "O/p.opf": package, "O/a b.xhtml": "<?xml version='1.0'?><html><p>Second.</p></html>",
            "O/b.xhtml": "<html><p>First.</p></html>",
        },
        "application/epub+zip",
    )  # fmt: skip
    title, text = reading.read("x.zip", data)
    assert (title, text) == ("The Book", "First.\n\fSecond.\n")


def test_a_mail_says_who_wrote_what_to_whom_and_names_what_was_attached():
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ada <ada@example.org>", "bo@example.org", "Prüfung"
    mail.set_content("<p>It is <b>due</b> on Monday.</p>", subtype="html")
    mail.add_attachment(b"x", maintype="application", subtype="pdf", filename="plan.pdf")
    title, text = reading.read("message", bytes(mail))
    assert title == "Prüfung"
    assert "From: Ada <ada@example.org>\nTo: bo@example.org\nAttachments: plan.pdf" in text
    assert "It is **due** on Monday." in text


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.csv", b"Item;Price\r\n5;\r\n\r\n6;1;2\r\n", "| Item | Price |  |\n| --- | --- | --- |\n| 5 |  |  |\n| 6 | 1 | 2 |\n"),
        ("a.json", b'[{"a": "x", "price": {"eur": 5}}, {"tags": [1, "b"], "no": null}]', "a: x\nprice eur: 5\n\ntags: 1, b\n"),
        ("a.jsonl", b'{"q": "one"}\n\n{"q": true}\n', "q: one\n\nq: true\n"),
        ("a.xml", '<?xml version="1.0" encoding="utf-16"?><a><!-- no --><b>one</b> two</a>'.encode("utf-16"), "one\ntwo\n"),
        ("a.rtf", rb"{\rtf1\ansi\ansicpg1252 caf\'e9\par two}", "café\ntwo"),
        ("a.ipynb", json.dumps({"cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "text"]},
            {"cell_type": "code", "source": "x = 1", "outputs": ["no"]}]}).encode(), "# Title\ntext\n\n```\nx = 1\n```\n"),
    ],
)  # fmt: skip
def test_other_formats_give_their_text(name, data, expected):
    assert reading.read(name, data)[1] == expected


@pytest.mark.parametrize(
    ("name", "data", "reader"),
    [
        ("a.txt", b"%PDF-1.7", "pdf"), ("a.doc", zipped({"word/document.xml": ""}), "docx"),
        ("a.bin", zipped({"ppt/presentation.xml": ""}), "pptx"), ("a.txt", b"{\\rtf1}", "rtf"),
        ("a.txt", b"<!DOCTYPE html><p>x", "html"), ("a", b"Subject: x\nFrom: y\n\nz", "mail"), ("README", b"plain", "plain"),
        ("a.md", b"Subject: x\nFrom: y\n\nz", "plain"), ("a.txt", b"<?xml version='1.0'?><a/>", "xml"),
        ("a.docx", b"# no Word file", "plain"), ("a.txt", b"PKW: a car", "plain"), ("a.md", b"It begins with %PDF-.", "plain"),
        ("a", b"junk %PDF-1.4 ... %%EOF\n", "pdf"),
    ],
)  # fmt: skip
def test_the_kind_of_a_file_is_in_its_bytes(name, data, reader):
    assert reader_of(name, data) == reader


@pytest.mark.parametrize(
    "title", ["untitled", "0000764478-23-000006", "Microsoft Word - x.doc", "plan.pdf", "", "Document1"]
)
def test_a_title_that_says_nothing_gives_way_to_the_name_of_the_file(monkeypatch, title):
    monkeypatch.setattr("parts.corpus.readers.plain.read", lambda data: (title, "text"))
    assert reading.read("sub/leave_of-absence.txt", b"text")[0] == "leave of absence"


def test_entities_of_xml_are_not_opened(tmp_path):
    (tmp_path / "secret").write_text("secret")
    bomb = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;"><!ENTITY s SYSTEM "file://%s">]><a>x&c;&s;</a>'
    assert reading.read("a.xml", (bomb % (tmp_path / "secret")).encode())[1] == "x\n"


@pytest.mark.parametrize("piece", ["#" + " " * 9, "a: b\n", " ", "<", "a\x02", "x\u00ad", "Subject: x\n ", "|", "a-"])
def test_a_text_is_read_in_time_linear_in_its_length(piece):
    def seconds(length: int) -> float:
        text, start = piece * (length // len(piece)) + "\nx", time.process_time()
        pdf._whole_words(text)
        reading.read("a.txt", text.replace("\x02", "-").encode())
        return time.process_time() - start

    assert seconds(400_000) < 20 * max(seconds(80_000), 0.05)
