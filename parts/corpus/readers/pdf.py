"""Read the text of a PDF, with a form feed between pages."""

import re
from itertools import pairwise

from parts.project.errors import UserError

_ITEM = re.compile(r"\s*(?:[-*•▪◦\u2013]|\d{1,3}[.)]|[a-z]\))\s")


def read(data: bytes) -> tuple[str, str]:
    """Return the title from the metadata and the text of the pages, joined by form feeds.

    Raises UserError for a PDF that is broken, encrypted or without text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "assword" in str(error)
        raise UserError("is locked by a password" if locked else "is not a PDF that can be opened") from error
    try:
        title = document.get_metadata_value("Title").strip()
        pages = [_text(document, number) for number in range(len(document))]
    finally:
        document.close()
    if not any(page.strip() for page in pages):
        raise UserError("has no text (a scan?): run an OCR tool over it first")
    return title, "\f".join(pages)


def _text(document, number: int) -> str:
    page = document[number]
    words = page.get_textpage()
    text = words.get_text_bounded()
    words.close()
    page.close()
    return _unwrap(text.replace("\r\n", "\n").replace("\f", "\n").replace("\ufffe", ""))


def _unwrap(page: str) -> str:
    """Return the text of a page with wrapped lines joined, so that a passage ends with a sentence, not with a line.

    A line is wrapped if the first word of the next one would make it about as long as the page's longest line. A list
    item, and a short line after a full stop, which may be a heading, start a new line.
    """
    lines = [line.rstrip() for line in page.split("\n")]
    longest = max(map(len, lines))
    text = lines[0]
    for above, line in pairwise(lines):
        wrapped = bool(line) and len(above) + 1 + len(line.split()[0]) > 0.9 * longest
        starts_new = _ITEM.match(line) or (above.endswith((".", "!", "?", ":")) and len(line) < 0.5 * longest)
        text += (" " if wrapped and not starts_new else "\n") + line
    return text
