"""Read a Word document as Markdown."""

import io
import zipfile
from xml.parsers.expat import ExpatError

from lxml import etree

from parts.corpus.archive import opened
from parts.corpus.readers import html
from parts.corpus.unreadable import Unreadable

_MAIN = "word/document.xml"
_WORDS = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the file as Markdown. Raises Unreadable where it cannot be opened."""
    import mammoth

    with opened(data) as archive:
        if _MAIN not in archive.namelist():
            raise Unreadable("broken", f"is not a DOCX file (no {_MAIN})")
        whole = _with_formulas_as_text(archive)
    try:
        page = mammoth.convert_to_html(whole, convert_image=mammoth.images.img_element(lambda image: {"src": ""}))
    except (KeyError, ValueError, AttributeError, IndexError, TypeError, SyntaxError, ExpatError) as error:
        raise Unreadable("broken", "is a DOCX file that cannot be read") from error
    return html.markdown(page.value)


def _with_formulas_as_text(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return a copy of `archive` whose formulas are runs of text: mammoth leaves formulas out."""
    try:
        document = etree.fromstring(archive.read(_MAIN), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise Unreadable("broken", f"is a DOCX file whose {_MAIN} cannot be read") from error
    for formula in list(document.iter(f"{_MATH}oMath")):
        run = etree.Element(f"{_WORDS}r")
        etree.SubElement(run, f"{_WORDS}t").text = "".join(formula.itertext(f"{_MATH}t"))
        run.tail = formula.tail
        parent = formula.getparent()
        if parent.tag == f"{_MATH}oMathPara":  # a formula on a line of its own: a paragraph, or runs within one
            parent.tag = f"{_WORDS}ins" if parent.getparent().tag == f"{_WORDS}p" else f"{_WORDS}p"
        parent.replace(formula, run)
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for entry in archive.infolist():
            target.writestr(entry, etree.tostring(document) if entry.filename == _MAIN else archive.read(entry))
    copy.seek(0)
    return copy
