"""Read the text of a PDF, with a form feed between pages."""

import io
import re
import shutil
from collections import Counter
from itertools import pairwise

from parts.corpus import pdf_headings
from parts.corpus.readers import image
from parts.corpus.unreadable import Unreadable

_ITEM = re.compile(r"\s*(?:[-*•▪◦\u2013]|\d{1,3}[.)]|[a-z]\))\s")
_BREAK = re.compile(r"[\x02\u00ad]\s?")  # PDFium's mark of a hyphen that ends a line
_WORD = re.compile(r"\w+(?:-\w+)*")
_HEAD, _TAIL, _LONGEST = re.compile(r"[\w-]+"), re.compile(r"[\w-]+\Z"), 60
_STOPS = (".", "!", "?", ":")
_REST = re.compile(r"[^\n]{1,500}?(?:[.!?:](?=\s|\Z)\s*|\n|\Z)")  # of a sentence, or of its line
_DIGITS = re.compile(r"\d+")
_DPI = 200 / 72  # of a scan for Tesseract


def read(data: bytes) -> tuple[str, str]:
    """Return the title from the metadata and the text of the pages, joined by form feeds.

    Pages without text are scans, read by Tesseract. Raises Unreadable for a PDF that is broken, encrypted or without text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error):
            raise Unreadable("encrypted", "is locked by a password: save it without one") from error
        raise Unreadable("broken", "is not a PDF that can be opened") from error
    try:
        title = document.get_metadata_value("Title").strip()
        pages = [_text(document, number) for number in range(len(document))]
    except pypdfium2.PdfiumError as error:
        raise Unreadable("broken", "is a PDF with a page that cannot be opened") from error
    finally:
        document.close()
    if not any(text.strip() for text, _ in pages):
        raise Unreadable("scan without text", image.WITHOUT)
    texts = _without_running_lines([text for text, _ in pages])
    texts = pdf_headings.mark(texts, [styles for _, styles in pages])
    return title, _whole_words("\f".join(_whole_sentences([_unwrap(text.strip("\n")) for text in texts])))


def _text(document, number: int) -> tuple[str, pdf_headings.Styles]:
    """Return the text of a page and the style of its lines; that of a scan by Tesseract, without styles."""
    page = document[number]
    words = page.get_textpage()
    text, styles = words.get_text_bounded(), pdf_headings.line_styles(words)
    words.close()
    if not text.strip() and shutil.which(image.PROGRAM):
        picture = io.BytesIO()
        page.render(scale=_DPI).to_pil().save(picture, "PNG")
        text = image.read(picture.getvalue())[1]
    page.close()
    return text.replace("\r\n", "\n").replace("\f", "\n").replace("\ufffe", ""), styles


def _without_running_lines(pages: list[str]) -> list[str]:
    """Return `pages` without the lines that most of them begin or end with, but for the numbers in them.

    The first page that begins with such a line keeps it: it may be the title.
    """
    ends = [
        {place: _key(lines[place]) for place in (0, 1, -1, -2)} if len(lines := page.split("\n")) > 3 else {}
        for page in pages
    ]
    counts = Counter(each for page in ends for each in page.items())
    running = {each for each, n in counts.items() if n > max(2, len(pages) / 2) and each[1]}
    kept, titles = [], {each for each in running if each[0] >= 0 and any(map(str.isalpha, each[1]))}
    for page, keys in zip(pages, ends, strict=True):
        lines = page.split("\n")
        dropped = {place % len(lines) for place, key in keys.items() if (place, key) in running - titles}
        titles -= set(keys.items())
        kept.append("\n".join(line for number, line in enumerate(lines) if number not in dropped))
    return kept


def _key(line: str) -> str:
    return _DIGITS.sub("#", line.strip())


def _whole_sentences(pages: list[str]) -> list[str]:
    """Return `pages` with a sentence that goes on in small letters on the next page whole, on the page where it begins."""
    whole = [pages[0]]
    for page in pages[1:]:
        above = whole[-1].rstrip()
        rest = _REST.match(page) if page[:1].islower() and above and not above.endswith(_STOPS) else None
        if rest and rest.end() < len(page):  # no page is left without text
            whole[-1] = above + ("" if above.endswith("\x02") else " ") + rest[0].rstrip()
            page = page[rest.end() :]
        whole.append(page)
    return whole


def _whole_words(text: str) -> str:
    """Return `text` with the words whole that a line's end broke.

    The hyphen stays where the document has the word with one elsewhere, or both of its halves and not the whole.
    """
    first, *others = _BREAK.split(text)
    if not others:
        return text
    counts = Counter(_WORD.findall(_BREAK.sub("_ _", text).lower()))  # a half is no word that stands elsewhere
    whole = [first]
    for above, below in pairwise([first, *others]):
        before, after = _TAIL.search(above[-_LONGEST:]), _HEAD.match(below[:_LONGEST])
        whole += ["-" if before and after and _has_hyphen(before[0].lower(), after[0].lower(), counts) else "", below]
    return "".join(whole)


def _has_hyphen(before: str, after: str, counts: Counter[str]) -> bool:
    joined, hyphened = counts[before + after], counts[f"{before}-{after}"]
    return hyphened > joined or bool(counts[before] and counts[after] and not joined)


def _unwrap(page: str) -> str:
    """Return the text of a page with wrapped lines joined, so that a passage ends with a sentence, not with a line.

    A line is wrapped if the first word of the next one would make it about as long as the page's longest line, or if it is
    no short one and the next one goes on in small letters. A list item, and a short line after a full stop, which may be a
    heading, start a new line.
    """
    lines = [line.rstrip() for line in page.split("\n")]
    longest = max(map(len, lines))
    text = lines[0]
    for above, line in pairwise(lines):
        goes_on = line[:1].islower() and len(above) > 0.3 * longest and not above.endswith(_STOPS)
        wrapped = goes_on or (bool(line) and len(above) + 1 + len(line.split()[0]) > 0.9 * longest)
        starts_new = (
            _ITEM.match(line) or "#" in (above[:1], line[:1]) or (above.endswith(_STOPS) and len(line) < 0.5 * longest)
        )
        text += (" " if wrapped and not starts_new else "\n") + line
    return text
