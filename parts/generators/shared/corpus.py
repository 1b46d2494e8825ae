"""All passages, and which of them are near a text or of documents alike: for generators that join several."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby

import numpy as np

from parts.corpus.exam_passages import nearest, title

Embed = Callable[[list[str]], np.ndarray]
"""texts -> unit vectors, (n, width)"""

Window = tuple[dict, ...]
"""consecutive passages of a document"""


class Corpus:
    """The passages of all documents, rows of Redacted. They are embedded when something near is first asked for."""

    def __init__(self, chunks: Sequence[dict], embed: Embed):
        self.chunks, self.embed = list(chunks), embed

    def near(self, questions: list[str], count: int) -> list[list[dict]]:
        """Return of each of `questions` the `count` passages nearest to it, the nearest first."""
        everywhere = np.ones(len(self.chunks), bool)
        return [
            [self.chunks[index] for index in nearest(query, self._vectors, everywhere, count)]
            for query in (self.embed(questions) if questions else ())
        ]

    def alike(self, characters: int, count: int) -> list[tuple[Window, list[Window]]]:
        """Return every window of the documents with the `count` of other documents that are most like it.

        A window is a document, or consecutive passages of a longer one, of up to `characters`. Documents of one kind are
        alike: windows are compared by their headings and by the mean of their passages.
        """
        windows = [window for _, chunks in groupby(self.chunks, _document) for window in _windows(chunks, characters)]
        sizes = np.cumsum([len(window) for window in windows])
        means = np.array([vectors.mean(axis=0) for vectors in np.split(self._vectors, sizes[:-1])])
        headings = self.embed([" ".join(dict.fromkeys(chunk["heading"] for chunk in window)) for window in windows])
        vectors = means / np.linalg.norm(means, axis=1, keepdims=True) + headings
        doc_ids = np.array([_document(window[0]) for window in windows])
        return [
            (window, [windows[index] for index in nearest(vector, vectors, doc_ids != doc_id, count)])
            for window, vector, doc_id in zip(windows, vectors, doc_ids, strict=True)
        ]

    @cached_property
    def _vectors(self) -> np.ndarray:
        return self.embed([f"{title(chunk)}\n{chunk['text']}" for chunk in self.chunks])


def _document(chunk: dict) -> str:
    return chunk["doc_id"]


def _windows(chunks: Iterable[dict], characters: int) -> Iterator[Window]:
    """Yield consecutive `chunks` of up to `characters` together, and of one at least."""
    window, size = [], 0
    for chunk in chunks:
        if window and size + len(chunk["text"]) > characters:
            yield tuple(window)
            window, size = [], 0
        window.append(chunk)
        size += len(chunk["text"])
    yield tuple(window)
