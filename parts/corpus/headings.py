"""Find the headings of Markdown."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})[ \t]*")
_NO_PARAGRAPH = ("|", "#", ">", "-", "*", "+", "=")  # begin a table, a heading, a quotation, an item or a line


class Heading(NamedTuple):
    """A heading of Markdown: its span in the text, [start, end) in characters, its level (from 1) and its words."""

    start: int
    end: int
    level: int
    words: str


def headings(text: str) -> Iterator[Heading]:
    """Yield the headings of `text`, marked by # or underlined; a line of code is none."""
    start, fence, above = 0, "", (0, "", True)  # where the line above starts, its text, whether nothing is above it
    for line in re.split(r"(?<=[\n\f])", text):
        bare = line.rstrip("\n\f")
        if fence:
            fence = "" if bare.strip().startswith(fence) and not bare.strip().strip(fence[0]) else fence
        elif mark := _FENCE.match(bare):
            fence = mark[1]
        elif match := _HEADING.fullmatch(bare):
            yield Heading(start, start + len(bare), len(match[1]), _words(match[2]))
        elif above[1] and above[2] and _UNDERLINE.fullmatch(bare):
            yield Heading(above[0], start + len(bare), 1 if bare[0] == "=" else 2, above[1])
        is_paragraph = not fence and bare.strip() and not bare.lstrip().startswith(_NO_PARAGRAPH)
        above = (start, bare.strip() if is_paragraph else "", not above[1])
        start += len(line)


def _words(heading: str) -> str:
    """Return the words of a heading, without a closing run of # that a blank parts from them."""
    heading = heading.rstrip()
    core = heading.rstrip("#")
    return core.rstrip() if core.endswith((" ", "\t")) else heading
