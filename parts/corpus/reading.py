"""Read one file as a document: its reader, its title, its text cleaned."""

import importlib
import re
from itertools import pairwise
from pathlib import PurePath

from parts.corpus.cleaning import clean
from parts.corpus.headings import headings
from parts.corpus.kinds import reader_of
from parts.corpus.unreadable import Unreadable

_NO_TITLE = re.compile(
    r"(?:untitled\b.*|(?:document|presentation|title)\s?\d*|microsoft \w+ - .*|\S+\.\w{2,5}|[\W\d_]*)", re.IGNORECASE
)


def read(name: str, data: bytes) -> tuple[str, str]:
    """Return the title and the text of the file `name`. Raises Unreadable for one that is no document.

    The title is the heading of the first level that the text begins with; else that of the file's metadata, where it says
    something; else the file's name.
    """
    reader = importlib.import_module(f"parts.corpus.readers.{reader_of(name, data)}")
    try:
        title, text = reader.read(data)
    except RecursionError as error:
        raise Unreadable("broken", "is nested too deeply to be read") from error
    text = clean(text)
    if not text.strip():
        raise Unreadable("empty", "has no text")
    marked = list(headings(text))
    between = pairwise([(0, 0), *((each.start, each.end) for each in marked), (len(text), len(text))])
    if not any(text[end:start].strip() for (_, end), (start, _) in between):
        raise Unreadable("empty", "has headings alone: write text below them")
    if marked and marked[0].level == 1 and not text[: marked[0].start].strip():
        return marked[0].words, text
    title = " ".join(clean(title).split())
    return (re.sub(r"[_-]+", " ", PurePath(name).stem) if _NO_TITLE.fullmatch(title) else title), text
