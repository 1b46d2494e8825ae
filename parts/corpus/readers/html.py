"""Read HTML as Markdown: keep headings, lists, tables and code; drop scripts, styles, navigation and what is hidden."""

import re

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter

from parts.corpus.encoding import decode
from parts.corpus.unreadable import Unreadable

DROPPED = ("script", "style", "noscript", "template", "nav", "svg", "iframe", "head")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_RAISED, _LOWERED = (str.maketrans("0123456789+-()", digits) for digits in ("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎"))
_DIGITS = re.compile(r"[0-9+()-]+")
_DECLARATION = re.compile(r"\A\s{0,100}<\?xml[^>]{0,200}\?>")  # of XHTML: its encoding is that of the bytes
_MOST_SPANNED = 100  # rows, or columns, that one cell may fill
_MOST_FILLED = 20_000  # cells of a table that others fill; from there on each is one cell
_DEEPEST = 300  # elements within each other


def read(data: bytes) -> tuple[str, str]:
    """Return the <title> and the body as Markdown, in the charset that a browser would use. Raises Unreadable for binary data."""
    has_zeros = b"\0" in data or data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return markdown(decode(data) if has_zeros else data)


def markdown(source: str | bytes) -> tuple[str, str]:
    """Return the <title> of a page and its body as Markdown. Raises Unreadable where it is nested too deeply."""
    if isinstance(source, str):
        source = _DECLARATION.sub("", source).encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    page = BeautifulSoup(source, "lxml")
    if _depth(page) > _DEEPEST:
        raise Unreadable("broken", f"is HTML with more than {_DEEPEST} elements within each other")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for tag in page(DROPPED) + page(hidden=True) + page(style=_HIDDEN):
        tag.decompose()
    for formula in page("math"):
        formula.replace_with(formula.get("alttext") or formula.get_text("", strip=True))
    for tag in page(["sup", "sub"]):
        if _DIGITS.fullmatch(tag.get_text(strip=True)):
            tag.replace_with(tag.get_text(strip=True).translate(_RAISED if tag.name == "sup" else _LOWERED))
    for table in page("table"):
        _fill_spans(page, table)
    options = {"heading_style": "ATX", "escape_misc": False, "strip": ["a", "img"], "table_infer_header": True}
    text = MarkdownConverter(**options).convert_soup(page)
    lines = [line.rstrip() for line in text.replace("\f", "\n").splitlines()]
    return title, "\n".join(line for n, line in enumerate(lines) if line or (n and lines[n - 1])).strip() + "\n"


def _depth(page: BeautifulSoup) -> int:
    """Return how many elements are within each other."""
    depths = {id(page): 0}
    for tag in page.find_all(True):
        depths[id(tag)] = depths[id(tag.parent)] + 1
    return max(depths.values())


def _fill_spans(page: BeautifulSoup, table: Tag) -> None:
    """Write a cell of `table` that spans several rows or columns into each of them, and mark bars within cells."""
    below: dict[int, tuple[int, str]] = {}  # column -> rows still to fill, and with what
    n_filled = 0
    for row in (row for row in table("tr") if row.find_parent("table") is table):
        column = 0
        for cell in [*row(["td", "th"], recursive=False), None]:
            while column in below:
                rows, text = below.pop(column)
                filled = page.new_tag("td")
                filled.string = text
                cell.insert_before(filled) if cell else row.append(filled)
                if rows > 1:
                    below[column] = rows - 1, text
                column += 1
            if cell is None:
                break
            for string in cell.find_all(string=re.compile(r"\|")):
                string.replace_with(string.replace("|", r"\|"))
            columns, rows = _span(cell, "colspan"), _span(cell, "rowspan")
            columns, rows = (columns, rows) if n_filled < _MOST_FILLED else (1, 1)
            n_filled += columns * rows - 1
            for number in range(columns):
                if number:
                    copy = page.new_tag(cell.name)
                    copy.string = cell.get_text(" ", strip=True)
                    cell.insert_after(copy)
                if rows > 1:
                    below[column + number] = rows - 1, cell.get_text(" ", strip=True)
            column += columns


def _span(cell: Tag, attribute: str) -> int:
    value = str(cell.attrs.pop(attribute, "1"))
    return min(int(value), _MOST_SPANNED) if value.isdecimal() and int(value) else 1
