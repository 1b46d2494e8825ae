"""Cut a document into passages, and find the passages that hold a piece of evidence."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_LEADING = re.compile(r"(?:\s*^#{1,6}[ \t]+.*$)+\s*", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Passage:
    """A piece of a document's text, [start, end) in characters, on one page, below `heading`."""

    start: int
    end: int
    page: int
    heading: str
    text: str


def cut(title: str, text: str, max_tokens: int, count: Callable[[str], int]) -> Iterator[Passage]:
    """Yield the passages of `text`: at most `max_tokens` by `count` each, cut where Markdown's structure allows.

    No passage crosses a page (a form feed). Headings at a passage's start are not repeated in its text but told in
    `heading`, after the document's title. A single word of more than `max_tokens` is cut.
    """
    from semantic_text_splitter import MarkdownSplitter

    splitter = MarkdownSplitter.from_callback(count, max_tokens)
    above = _headings(title, text)
    page_start = 0
    for number, page in enumerate(text.split("\f"), 1):
        for offset, piece in splitter.chunk_indices(page):
            lead = _LEADING.match(piece)
            start = page_start + offset + (lead.end() if lead else 0)
            end = page_start + offset + len(piece)
            if start < end:
                yield Passage(start, end, number, above(start), text[start:end])
        page_start += len(page) + 1


def _headings(title: str, text: str) -> Callable[[int], str]:
    """Return a function that tells the headings above a position, `title` first."""
    starts, paths, path = [0], [title], []
    for found in _HEADING.finditer(text):
        level = len(found[1])
        path = [(depth, name) for depth, name in path if depth < level] + [(level, found[2])]
        names = [name for _, name in path]
        starts.append(found.start())
        paths.append(" > ".join(names if names[0] == title else [title, *names]))
    return lambda position: paths[bisect_right(starts, position) - 1]


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Return where the words of `quote` stand in `text`, [start, end), or None.

    Only letters and digits count, so that line breaks, table bars and quotation marks do not hide a match.
    """
    wanted = [word.lower() for word in _WORD.findall(quote)]
    words = [(found[0].lower(), found.start(), found.end()) for found in _WORD.finditer(text)]
    for at in range(len(words) - len(wanted) + 1 if wanted else 0):
        if all(words[at + step][0] == word for step, word in enumerate(wanted)):
            return words[at][1], words[at + len(wanted) - 1][2]
    return None
