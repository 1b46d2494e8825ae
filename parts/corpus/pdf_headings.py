"""Find the headings of a PDF by their type: a PDF marks none, it only sets them larger or bolder than its text."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from math import hypot, isfinite
from typing import NamedTuple

_LARGER, _BOLDER = 1.1, 1.5  # times the size, or the weight, of the text, at least: a bold Computer Modern has 1.58
_REGULAR, _BOLD = 400, 700  # weights of fonts that PDFium has none of: the fourteen that every reader has
_MOST_LINES, _MOST_CHARACTERS = 3, 120  # of one heading; a bold paragraph has more
_TEXT_ENDS = (".", ",", ";")
_LEADER = re.compile(r"\.[ \xa0]?\.[ \xa0]?\.")  # dots from a heading to its page, in a list of contents
_LEVELS = 6  # of Markdown


class Style(NamedTuple):
    """The type of a line: its size in points, to the half, and the weight of its font, 100 to 900."""

    size: float
    weight: int


Styles = dict[str, list[Style | None]]
"""The styles of the lines of a page, by their words, in order; None: mixed, or not known."""


class Line(NamedTuple):
    """A line of a page (from 0), by its number on it, and its style."""

    page: int
    number: int
    words: str
    style: Style | None


def line_styles(words) -> Styles:
    """Return the styles of the lines of a PDFium text page, in order for lines of the same words."""
    styles: Styles = {}
    text, start = words.get_text_range(), 0
    for line in text.split("\n"):
        if core := line.strip():
            styles.setdefault(core.replace("\ufffe", "\x02"), []).append(
                _style(words, text, start + line.index(core), core)
            )
        start += len(line) + 1
    return styles


def _style(words, text: str, start: int, line: str) -> Style | None:
    """Return the style of the first, the middle and the last letter of a `line` of `text`; None where they differ."""
    places = {start, start + len(line) // 2, start + len(line) - 1}
    styles = {_style_at(words, place, text[place]) for place in places if not text[place].isspace()}
    return styles.pop() if len(styles) == 1 else None


def _style_at(words, place: int, letter: str) -> Style | None:
    """Return the style of the letter at a `place`; None where PDFium has another one there, for it may count otherwise."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(words, place, ctypes.byref(matrix))
    size = raw.FPDFText_GetFontSize(words, place) * hypot(matrix.c, matrix.d)
    if not isfinite(size) or raw.FPDFText_GetUnicode(words, place) != ord(letter):
        return None
    return Style(round(size * 2) / 2, _weight(words, place))


def _weight(words, place: int) -> int:
    from pypdfium2 import raw

    weight, name, flags = raw.FPDFText_GetFontWeight(words, place), ctypes.create_string_buffer(64), ctypes.c_int()
    if weight > 0:
        return weight
    raw.FPDFText_GetFontInfo(words, place, name, len(name), ctypes.byref(flags))
    return _BOLD if b"Bold" in name.value else _REGULAR


def mark(pages: list[str], styles: list[Styles]) -> list[str]:
    """Return `pages` with their headings marked by # as in Markdown, those of several lines joined.

    A heading is set larger than most of the text, or bold where the text is not, and text or a heading of a lower level
    follows it; a page of headings alone, such as a cover, is text. The largest one is of level 1 where it stands alone.
    Where the type tells the headings, a line that begins with # and is none is set in by a blank.
    """
    runs = [list(run) for _, run in groupby(_lines(pages, styles), key=lambda line: (line.page, line.style))]
    headings = _headings(runs)
    if not headings:
        return pages
    used = Counter(runs[place][0].style for place in headings)
    ranks = sorted(used, reverse=True)
    first = 1 if used[ranks[0]] == 1 else 2  # several are sections, no title
    split: list[list[str | None]] = [page.split("\n") for page in pages]
    for place, run in enumerate(runs):
        own = split[run[0].page]
        if place in headings:
            level = min(ranks.index(run[0].style) + first, _LEVELS)
            for line in run:
                own[line.number] = None
            own[run[0].number] = f"{'#' * level} {' '.join(line.words for line in run)}"
        else:
            for line in run:
                own[line.number] = f" {line.words}" if line.words.startswith("#") else own[line.number]
    return ["\n".join(line for line in page if line is not None) for page in split]


def _lines(pages: list[str], styles: list[Styles]) -> Iterator[Line]:
    for page, (text, known) in enumerate(zip(pages, styles, strict=True)):
        left = {words: iter(of_line) for words, of_line in known.items()}
        for number, line in enumerate(text.split("\n")):
            if words := line.strip():
                yield Line(page, number, words, next(left.get(words, iter(())), None))


def _headings(runs: list[list[Line]]) -> set[int]:
    """Return the places in `runs`, each the lines of one style that follow each other on a page, that are headings."""
    sizes = Counter[Style]()
    for run in runs:
        sizes.update({run[0].style: sum(len(line.words) for line in run)} if run[0].style else {})
    if not sizes:
        return set()
    body = sizes.most_common(1)[0][0]
    candidates = {place for place, run in enumerate(runs) if _stands_out(run, body)}
    with_text = {run[0].page for place, run in enumerate(runs) if place not in candidates}
    headings: set[int] = set()
    below = None  # the heading that follows, and leads to text
    for place in reversed(range(len(runs))):
        style, page = runs[place][0].style, runs[place][0].page
        if place not in candidates or page not in with_text:
            below = Style(0, 0)
        elif below is not None and style > below:
            headings.add(place)
            below = style
    return headings


def _stands_out(run: list[Line], body: Style) -> bool:
    """Return whether a run of lines is set apart from text of style `body`, and short."""
    style, words = run[0].style, " ".join(line.words for line in run)
    if style is None or len(run) > _MOST_LINES or len(words) > _MOST_CHARACTERS:
        return False
    if words.endswith(_TEXT_ENDS) or _LEADER.search(words):
        return False
    is_larger = style.size >= _LARGER * body.size
    is_bolder = style.size >= body.size and style.weight >= _BOLDER * body.weight
    return (is_larger or is_bolder) and any(letter.isalpha() for letter in words)
