"""A file that was made to do harm fetches nothing, reads nothing else and costs itself alone."""

import io
import os
import socketserver
import threading
import zipfile
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook
from pptx import Presentation

from commands import rejected
from parts.corpus import reading
from parts.corpus.unreadable import Unreadable
from schemas.documents import Documents
from schemas.rejected import Rejected
from stages import ingest

SECRET = "a secret outside of the folder"
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
TEXT = 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:o="o"'
RELATIONS = "http://schemas.openxmlformats.org"


def saved(document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_parts(data: bytes, parts: dict[str, str], mimetype: str = "") -> bytes:
    """Return the archive `data`, or a new one, with other parts."""
    members = {"mimetype": mimetype.encode()} if mimetype else {}
    if data:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members |= {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in (members | parts).items():
            archive.writestr(name, part)
    return file.getvalue()


def docx(body: str = "", **parts: str) -> bytes:
    document = Document()
    document.add_paragraph("A sentence.")
    if body:
        parts["word/document.xml"] = f"<w:document {WORD}><w:body>{body}</w:body></w:document>"
    return with_parts(saved(document), parts)


def sheet(rows: str, head: str = "", **parts: str) -> bytes:
    text = f"<worksheet {SHEET}>{head}<sheetData>{rows}</sheetData></worksheet>"
    return with_parts(saved(Workbook()), {"xl/worksheets/sheet1.xml": text, **parts})


def odt(body: str, head: str = "") -> bytes:
    content = f"{head}<a {TEXT}><o:body>{body}</o:body></a>"
    return with_parts(b"", {"content.xml": content}, "application/vnd.oasis.opendocument.text")


def epub(spine: str, chapter: str, head: str = "") -> bytes:
    package = (
        f'{head}<package xmlns="p"><manifest><item id="a" href="a.xhtml"/><item id="b" href="../../../etc/passwd"/></manifest>'
        f"<spine>{spine}</spine></package>"
    )
    container = '<container xmlns="c"><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    parts = {"META-INF/container.xml": container, "p.opf": package, "a.xhtml": chapter}
    return with_parts(b"", parts, "application/epub+zip")


@pytest.fixture
def server():
    """Yield a port and the list of what came to it."""
    calls = []

    class Call(socketserver.BaseRequestHandler):
        def handle(self):
            calls.append(self.request.recv(999))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Call) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_address[1], calls
        listening.shutdown()


def reaching_out(secret: Path, port: int) -> dict[str, bytes]:
    """Return files that name `secret` and an address, in every way that their formats have."""
    url = f"http://127.0.0.1:{port}/x"
    doctype = f'<!DOCTYPE a [<!ENTITY s SYSTEM "{secret.as_uri()}"><!ENTITY u SYSTEM "{url}">]>'
    remote = f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{url}"> %p;]>'
    image = (
        '<w:p><w:r><w:drawing><i:inline xmlns:i="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">'
        '<g:graphic xmlns:g="http://schemas.openxmlformats.org/drawingml/2006/main"><g:graphicData><c:pic '
        'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/picture"><c:blipFill><g:blip '
        f'xmlns:r="{RELATIONS}/officeDocument/2006/relationships" r:link="r1"/></c:blipFill></c:pic></g:graphicData>'
        "</g:graphic></i:inline></w:drawing></w:r></w:p><w:p><w:r><w:t>A sentence.</w:t></w:r></w:p>"
    )
    relation = f'<Relationship Id="r1" Type="{RELATIONS}/officeDocument/2006/relationships/image" TargetMode="External"'
    links = f'<Relationships xmlns="{RELATIONS}/package/2006/relationships">%s</Relationships>'
    styles = f"{doctype}<w:styles {WORD}><w:style w:styleId='a'><w:name w:val='a'/>&s;&u;</w:style></w:styles>"
    strings = f'{doctype}<sst {SHEET} count="1"><si><t>&s;&u;</t></si></sst>'
    slide = saved(deck := Presentation())
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "TITLE"
    slide = saved(deck)
    part = zipfile.ZipFile(io.BytesIO(slide)).read("ppt/slides/slide1.xml").decode()
    part = doctype + part.partition("?>")[2].replace("TITLE", "a &s;&u;")
    return {
        "a.xml": f"{doctype}<a>x &s;&u;</a>".encode(),
        "b.xml": f"{remote}<a>x</a>".encode(),
        "c.xml": f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{secret}" parse="text"/>x</a>'.encode(),
        "a.svg": f'{doctype}<svg><text>x &s;</text><image href="{url}"/></svg>'.encode(),
        "a.html": f'{doctype}<html>x &s;<img src="{url}"><link rel="stylesheet" href="{url}"><iframe src="{url}"/>'.encode(),
        "a.docx": docx(image, **{"word/_rels/document.xml.rels": links % f'{relation} Target="{url}"/>'}),
        "b.docx": docx(image, **{"word/_rels/document.xml.rels": links % f'{relation} Target="{secret.as_uri()}"/>'}),
        "c.docx": docx(**{"word/styles.xml": styles}),
        "d.docx": docx(f"{doctype}<w:p/>"),
        "a.xlsx": sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', **{"xl/sharedStrings.xml": strings}),
        "a.pptx": with_parts(slide, {"ppt/slides/slide1.xml": part}),
        "a.odt": odt("<text:p>x &s;&u;</text:p>", doctype),
        "a.epub": epub('<itemref idref="a"/>', f"{doctype}<html><p>x &s;<img src='{url}'/></p></html>", doctype),
        "b.epub": epub('<itemref idref="b"/>', "x"),
        "a.eml": f'From: a\nContent-Type: message/external-body; access-type=URL; URL="{url}"\n\nA: b\n'.encode(),
        "a.rtf": rf'{{\rtf1 x {{\field{{\*\fldinst INCLUDETEXT "{secret}"}}}} {{\*\template {url}}}}}'.encode(),
    }  # fmt: skip


def test_no_file_reaches_another_or_the_network(tmp_path, server):
    port, calls = server
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    for name, data in reaching_out(secret, port).items():
        try:
            title, text = reading.read(name, data)
        except Unreadable:
            continue
        assert SECRET not in title + text and "root:" not in text, name
    assert calls == []


def laughs(text: str) -> str:
    """Return `text` after the entities of which &e9; is two thousand million letters long."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    return f"<!DOCTYPE a [{entities}]>{text}"


BOMBS = {
    "laughs.xml": laughs("<a>&e9;</a>").encode(),
    "laughs.odt": odt("<text:p>&e9;</text:p>", laughs("")),
    "laughs.docx": docx(**{"word/styles.xml": laughs(f"<w:styles {WORD}>&e9;</w:styles>")}),
    "laughs.xlsx": sheet("", **{"xl/sharedStrings.xml": laughs(f"<sst {SHEET}><si><t>&e9;</t></si></sst>")}),
    "cut.docx": docx(**{"word/numbering.xml": "<w:n"}),
    "cut types.docx": docx(**{"[Content_Types].xml": "<Types"}),
    "deep.docx": docx("<w:tbl><w:tr><w:tc>" * 999 + "</w:tc></w:tr></w:tbl>" * 999),
    "deep.html": b"<html>" + b"<div>" * 9999,
    "deep tables.html": b"<html>" + b"<table><tr><td>" * 3000,
    "deep.json": b"[" * 99_999,
    "deep.ipynb": b'{"cells":' * 99_999,
    "deep.eml": b"From: a\nTo: b\n"
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000)),
    "brackets.eml": b"From: a\nTo: " + b"(" * 20_000 + b"\n\nx\n",
    "addresses.eml": b"From: a\nTo: " + b"a," * 100_000 + b"\n\nx\n",
    "parameters.eml": b"From: a\nContent-Type: text/plain; " + b"a*0=b; " * 20_000 + b"\n\nx\n",
    "wide.csv": b"x," * 100_000 + b"\n" + b"a\n" * 20_000,
    "number.json": b'{"a": ' + b"9" * 9999 + b"}",
}
"""Files that are no documents, and take no time to say so."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name):
    with pytest.raises(Unreadable) as error:
        reading.read(name, BOMBS[name])
    assert error.value.reason in ("broken", "too large", "empty")


READ = {
    "spans.html": b"<html>" + b"<table>" + b"<tr><td colspan=99 rowspan=99>x" * 300,
    "level.odt": odt('<text:h text:outline-level="999999999">Title</text:h><text:p>x<!-- y --></text:p>'),
    "spine.epub": epub('<itemref idref="a"/>' * 100_000, "<html><p>x</p></html>"),
    "wide.xlsx": sheet('<row r="1"><c r="A1"><v>7</v></c></row>', '<dimension ref="A1:XFD1048576"/>'),
    "surrogate.eml": b"From: a\nTo: b\nContent-Type: text/html; charset=utf-7\n\n+2AA-x\n",
    "zeros.html": b"<html><p>x &#xD800; &#0; &#1114112;",
    "surrogate.json": rb'{"a": "x\ud800y\u0000z"}',
}


@pytest.mark.parametrize("name", READ)
def test_what_looks_like_a_bomb_is_read_as_what_it_is(name):
    text = reading.read(name, READ[name])[1]
    assert len(text) < 1_000_000 and not {"\0", "\ud800"} & set(text)
    assert reading.read("level.odt", READ["level.odt"])[1] == "# Title\n\nx\n"


NAMES = [
    b"caf\xe9.md", b"\xed\xa0\x80.md", b"$(touch pwned).md", b"`touch pwned`.md", b"a; touch pwned.md", b"a'b\"c.md",
    b"<script>alert(1)<.md", b"[x](javascript:alert(1)).md", b"@someone.md", b"new\nline.md", b"--help", b"a|b.md",
    b"'; DROP TABLE documents; --.md", b"{{ 7 * 7 }}.md", b"%s%n.md", "\u202egnp.md".encode(), b"\x1b[2J.md", b"x" * 250 + b".md",
]  # fmt: skip


def test_files_are_read_whatever_their_names(workplace, capsys):
    raw = workplace.path / "data" / "raw"
    raw.mkdir()
    for name in NAMES:
        (raw / os.fsdecode(name)).write_text("text")
        (raw / os.fsdecode(name[:200] + b".pdf")).write_bytes(b"%PDF-1.4 broken")
    ingest.main()
    rejected.main()
    names = [*Documents.read()["doc_id"], *Rejected.read()["path"]]
    assert len(names) == 2 * len(NAMES) and all(map(str.isprintable, names))
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())
    assert not (workplace.path / "pwned").exists()
