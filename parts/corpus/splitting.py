"""Split documents into passages."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
from pydantic import BaseModel, Field

from parts.corpus.headings import Heading, headings
from parts.corpus.tables import header_above
from parts.text.languages import language
from schemas.chunks import Chunks

_LAST_OF_PAGE = re.compile(r"(?<=\n)\f")


@dataclass(frozen=True)
class Passage:
    """A span of a document's text, [start, end) in characters, that begins on a page (from 1), under `heading`."""

    start: int
    end: int
    page: int
    heading: str
    text: str


def split_document(title: str, text: str, max_tokens: int, count: Callable[[str], int]) -> Iterator[Passage]:
    """Yield the passages of `text`, each of at most `max_tokens` by `count`, split at Markdown's structure.

    A passage crosses a form feed, as a line's end, where the text goes on below it; it does not where a line's end stands
    before the form feed, as after slides, sheets and chapters. Headings at a passage's start are in `heading`, after the
    document's title, and not in its text; the header row of a table is there, too, where the passage begins below it. A
    word longer than `max_tokens` is cut.
    """
    from semantic_text_splitter import MarkdownSplitter

    splitter = MarkdownSplitter.from_callback(count, max_tokens)
    marked = list(headings(text))
    ends, heading_at, header_at = {each.start: each.end for each in marked}, _paths(title, marked), header_above(text)
    feeds, lines = [match.start() for match in re.finditer("\f", text)], text.replace("\f", "\n")
    part_start = 0
    for part in _LAST_OF_PAGE.split(text):
        for offset, piece in splitter.chunk_indices(part.replace("\f", "\n")):
            start, end = part_start + offset, part_start + offset + len(piece)
            start = _after_headings(text, start, end, ends)
            if start < end:
                heading = " > ".join(filter(None, [heading_at(start), header_at(start)]))
                yield Passage(start, end, bisect_right(feeds, start) + 1, heading, lines[start:end])
        part_start += len(part) + 1


def _after_headings(text: str, start: int, end: int, ends: dict[int, int]) -> int:
    """Return where the text begins after the headings (start -> end in `ends`) that [start, end) begins with."""
    place, has_heading = start, False
    while place < end and (place in ends or text[place].isspace()):
        has_heading |= place in ends
        place = ends.get(place, place + 1)
    return place if has_heading else start


def _paths(title: str, marked: list[Heading]) -> Callable[[int], str]:
    """Return a function from a position in the text to the headings above it, `title` first, joined by " > "."""
    starts, paths, path = [0], [title], []
    for heading in marked:
        path = [each for each in path if each.level < heading.level] + [heading]
        names = [each.words for each in path]
        starts.append(heading.start)
        paths.append(" > ".join(names if names[0] == title else [title, *names]))
    return lambda position: paths[bisect_right(starts, position) - 1]


class ChunkParams(BaseModel, extra="forbid", frozen=True):
    """Section `chunk` of params.yaml."""

    max_tokens: int = Field(ge=16)  # per passage, by the embedder's tokenizer


def split_documents(documents: pl.DataFrame, max_tokens: int, count: Callable[[str], int]) -> pl.DataFrame:
    """Return the Chunks of `documents`, each of at most `max_tokens` by `count`."""
    rows = []
    for document in documents.iter_rows(named=True):
        own_language = language(document["text"])
        for number, passage in enumerate(split_document(document["title"], document["text"], max_tokens, count), 1):
            row = vars(passage) | {
                "doc_id": document["doc_id"],
                "n_tokens": count(passage.text),
                "language": own_language,
            }
            rows.append(row | {"chunk_id": f"{document['doc_id']}#{number:03}"})
    return Chunks.frame(rows)
