"""Split documents into passages."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
from pydantic import BaseModel, Field

from schemas.chunks import Chunks

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_LEADING = re.compile(r"(?:\s*^#{1,6}[ \t]+.*$)+\s*", re.MULTILINE)


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
    heading_at = _headings(title, text)
    page_start = 0
    for number, page in enumerate(text.split("\f"), 1):
        for offset, piece in splitter.chunk_indices(page):
            lead = _LEADING.match(piece)
            start = page_start + offset + (lead.end() if lead else 0)
            end = page_start + offset + len(piece)
            if start < end:
                yield Passage(start, end, number, heading_at(start), text[start:end])
        page_start += len(page) + 1


def _headings(title: str, text: str) -> Callable[[int], str]:
    """Return a function from a position in `text` to the headings above it, `title` first, joined by " > "."""
    starts, paths, path = [0], [title], []
    for match in _HEADING.finditer(text):
        level = len(match[1])
        path = [(depth, name) for depth, name in path if depth < level] + [(level, match[2])]
        names = [name for _, name in path]
        starts.append(match.start())
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
