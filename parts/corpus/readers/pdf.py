"""Read the text of a PDF, a form feed between pages."""

import re
from itertools import pairwise

from schemas.errors import UserError

_ITEM = re.compile(r"\s*(?:[-*•▪◦\u2013]|\d{1,3}[.)]|[a-z]\))\s")


def read(data: bytes) -> tuple[str, str]:
    """Return the title in its properties and the text of its pages, joined by form feeds.

    Raises Mistake for a broken, locked or textless PDF.
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
    """Return the text of a page with the lines joined that were broken for want of room.

    A line was full when the next one's first word would have made it about as long as the page's longest. A short
    line after a full stop may be a heading, and stays. Else a passage would end where a line does, not a sentence.
    """
    lines = [line.rstrip() for line in page.split("\n")]
    longest = max(map(len, lines))
    text = lines[0]
    for above, line in pairwise(lines):
        full = bool(line) and len(above) + 1 + len(line.split()[0]) > 0.9 * longest
        fresh = _ITEM.match(line) or (above.endswith((".", "!", "?", ":")) and len(line) < 0.5 * longest)
        text += (" " if full and not fresh else "\n") + line
    return text
