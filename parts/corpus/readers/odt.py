"""Read an OpenDocument text as Markdown."""

from lxml import etree

from parts.corpus.archive import opened
from parts.corpus.unreadable import Unreadable
from parts.text.markdown import table

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_LEVELS = ("1", "2", "3", "4", "5", "6")  # of Markdown
_BREAKS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n", f"{_TEXT}s": " "}
_DROPPED = {f"{_TEXT}tracked-changes", f"{_TEXT}note", f"{_TEXT}table-of-content", f"{_TEXT}sequence-decls"}


def read(data: bytes) -> tuple[str, str]:
    """Return the title of its properties and the text as Markdown. Raises Unreadable where it cannot be opened."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    with opened(data) as archive:
        try:
            content = etree.fromstring(archive.read("content.xml"), parser)
            meta = etree.fromstring(archive.read("meta.xml"), parser) if "meta.xml" in archive.namelist() else None
        except etree.XMLSyntaxError as error:
            raise Unreadable("broken", "is an OpenDocument file that cannot be read") from error
    title = meta.findtext(".//{http://purl.org/dc/elements/1.1/}title") if meta is not None else ""
    body = content.find("{*}body")
    return title or "", "\n\n".join(_blocks(body)) + "\n" if body is not None else ""


def _blocks(element, item: str = "") -> list[str]:
    """Return the headings, paragraphs, list items and tables below `element`, in order."""
    blocks = []
    for child in element:
        if child.tag in _DROPPED or not isinstance(child.tag, str):
            continue
        if child.tag == f"{_TEXT}h":
            level = child.get(f"{_TEXT}outline-level", "")
            blocks.append("#" * (int(level) if level in _LEVELS else 1) + f" {_inline(child)}")
        elif child.tag == f"{_TEXT}p":
            blocks += [item + text] if (text := _inline(child)) else []
        elif child.tag == f"{_TABLE}table":
            rows = [
                [_cell(cell) for cell in row.iterchildren(f"{_TABLE}table-cell")]
                for row in child.iter(f"{_TABLE}table-row")
            ]
            blocks += [table(rows[0], rows[1:])] if rows else []
        else:
            blocks += _blocks(child, "- " if child.tag == f"{_TEXT}list-item" else item)
    return blocks


def _cell(element) -> str:
    return " ".join(" ".join(_inline(paragraph) for paragraph in element.iter(f"{_TEXT}p")).split())


def _inline(element) -> str:
    """Return the text of a paragraph, without notes."""
    text = element.text or ""
    for child in element:
        if child.tag not in _DROPPED and isinstance(child.tag, str):  # others are comments
            text += _BREAKS.get(child.tag) or _inline(child)
        text += child.tail or ""
    return text
