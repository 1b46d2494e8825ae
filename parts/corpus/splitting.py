"""Split documents into passages."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl
from pydantic import BaseModel, Field

from schemas.chunks import Chunks

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})[ \t]*")
_NO_PARAGRAPH = ("|", "#", ">", "-", "*", "+", "=")  # begin a table, a heading, a quotation, an item or a line


@dataclass(frozen=True)
class Passage:
    """A span of a document's text, [start, end) in characters, on one page (from 1), under `heading`."""

    start: int
    end: int
    page: int
    heading: str
    text: str


def split_document(title: str, text: str, max_tokens: int, count: Callable[[str], int]) -> Iterator[Passage]:
    """Yield the passages of `text`, each of at most `max_tokens` by `count`, split at Markdown's structure.

    No passage crosses a page (a form feed). Headings at a passage's start are in `heading`, after the document's title,
    and not in its text. A word longer than `max_tokens` is cut.
    """
    from semantic_text_splitter import MarkdownSplitter

    splitter = MarkdownSplitter.from_callback(count, max_tokens)
    found = list(headings(text))
    ends, heading_at = {heading.start: heading.end for heading in found}, _paths(title, found)
    page_start = 0
    for number, page in enumerate(text.split("\f"), 1):
        for offset, piece in splitter.chunk_indices(page):
            start, end = page_start + offset, page_start + offset + len(piece)
            start = _after_headings(text, start, end, ends)
            if start < end:
                yield Passage(start, end, number, heading_at(start), text[start:end])
        page_start += len(page) + 1


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


def _after_headings(text: str, start: int, end: int, ends: dict[int, int]) -> int:
    """Return where the text begins after the headings (start -> end in `ends`) that [start, end) begins with."""
    place, after = start, start
    while place < end and (place in ends or text[place].isspace()):
        place, after = (ends[place],) * 2 if place in ends else (place + 1, after)
    return place if after > start else start


def _paths(title: str, found: list[Heading]) -> Callable[[int], str]:
    """Return a function from a position in the text to the headings above it, `title` first, joined by " > "."""
    starts, paths, path = [0], [title], []
    for heading in found:
        path = [each for each in path if each.level < heading.level] + [heading]
        names = [each.words for each in path]
        starts.append(heading.start)
        paths.append(" > ".join(names if names[0] == title else [title, *names]))
    return lambda position: paths[bisect_right(starts, position) - 1]


class ChunkParams(BaseModel, extra="forbid", frozen=True):
    """Section `chunk` of params.yaml."""

    max_tokens: int = Field(ge=16)  # per passage, by the student's tokenizer


def split_documents(documents: pl.DataFrame, max_tokens: int, count: Callable[[str], int]) -> pl.DataFrame:
    """Return the Chunks of `documents`, each of at most `max_tokens` by `count`."""
    rows = []
    for document in documents.iter_rows(named=True):
        for number, passage in enumerate(split_document(document["title"], document["text"], max_tokens, count), 1):
            row = vars(passage) | {"doc_id": document["doc_id"], "n_tokens": count(passage.text)}
            rows.append(row | {"chunk_id": f"{document['doc_id']}#{number:03}"})
    return Chunks.frame(rows)
