"""Find private values in texts, and put placeholders in their place before a text leaves for another's model.

Presidio's recognisers find them (patterns with checksums, or with context words), and for kinds that take a language
model, such as PERSON, the installed spaCy models. A placeholder is <KIND_NUMBER>: it shows the teacher that two places
have the same value, and nothing else.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

from pydantic import BaseModel, Field

from parts.safety.unicode import fold

WINDOW, OVERLAP = 5000, 200  # characters searched at once: some recognisers slow down, or stop, on long texts
PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]*_\d{1,6}>")
_TAKEN = re.compile(r"(?<![a-z_])_*+([a-z][a-z_]*+(?<=_)\d{1,6})")  # of a text in lower case
_WORD = re.compile(r"[^\W_]+")
_BLANK = "\0"  # in no private value, and in no folded text


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `redact` of params.yaml."""

    private: Literal["mask", "count", "refuse"]  # what to do with private values
    kinds: tuple[str, ...]  # Presidio's names; PERSON, LOCATION and the like take an installed spaCy model
    score: float = Field(gt=0, le=1)  # the lowest confidence that counts


@dataclass(frozen=True)
class Span:
    """A private value at [start, end) of a text, in characters."""

    start: int
    end: int
    kind: str
    score: float = 0
    placeholder: str = ""


Mask = Callable[[list[str]], list[str]]
"""texts that belong together -> the same texts as another's model may see them"""


def masker(params: Params) -> Mask:
    """Return the function that masks texts; it changes nothing where private values are only counted."""
    return list if params.private == "count" else partial(mask_all, params=params)


def mask_all(texts: Sequence[str], params: Params) -> list[str]:
    """Return `texts` with placeholders for private values, the same for the same value in all of them."""
    return [replace_spans(text, spans) for text, spans in zip(texts, find_spans(texts, params), strict=True)]


def replace_spans(text: str, spans: Sequence[Span], start: int = 0, end: int | None = None) -> str:
    """Return text[start:end] with placeholders for the `spans` of `text`; a span across an edge has its placeholder, too."""
    end = len(text) if end is None else end
    pieces, done = [], start
    for span in spans:
        if span.start < end and start < span.end:
            pieces += [text[done : max(done, span.start)], span.placeholder]
            done = min(span.end, end)
    return "".join([*pieces, text[done:end]])


def find_spans(texts: Sequence[str], params: Params) -> list[list[Span]]:
    """Return the private spans of each of `texts`, in order, with their placeholders.

    A value that is private in one place is so in all: a number found by its context words is masked elsewhere, too.
    """
    folded = [fold(text) for text in texts]
    detected = [_detect(text, params) for text, _ in folded]
    values = {text[s.start : s.end]: s.kind for (text, _), spans in zip(folded, detected, strict=True) for s in spans}
    if not values:
        return [[] for _ in texts]
    by_word, placeholders = _by_first_word(values), _Placeholders(text for text, _ in folded)
    found = []
    for (text, indices), spans in zip(folded, detected, strict=True):
        merged = _merge([*spans, *_find_repeats(text, by_word)])
        names = [placeholders.name(span.kind, text[span.start : span.end]) for span in merged]
        found.append([
            replace(span, start=indices[span.start], end=indices[span.end - 1] + 1, placeholder=name)
            for span, name in zip(merged, names, strict=True)
        ])  # fmt: skip
    return found


class _Placeholders:
    """Placeholders by value, numbered as they first appear.

    A number that a text has in something like a placeholder is left out, so that no document can refer to another's
    values.
    """

    def __init__(self, texts: Iterable[str]):
        self.taken = {name for text in texts for name in _TAKEN.findall(text.lower())}
        self.numbers: Counter[str] = Counter()
        self.names: dict[tuple[str, str], str] = {}

    def name(self, kind: str, value: str) -> str:
        """Return the placeholder of a value."""
        key = (kind, _identity(value))
        if key not in self.names:
            self.numbers[kind] += 1
            while f"{kind}_{self.numbers[kind]}".lower() in self.taken:
                self.numbers[kind] += 1
            self.names[key] = f"<{kind}_{self.numbers[kind]}>"
        return self.names[key]


def _identity(value: str) -> str:
    """Return `value` without what two spellings of it may differ in: case, and spaces and dashes outside an address."""
    return value.casefold() if "@" in value else re.sub(r"[\s()-]", "", value).casefold()


@lru_cache(maxsize=4096)
def _detect(text: str, params: Params) -> tuple[Span, ...]:
    """Return the private spans of a folded text. Searches again with them blanked: one may hide its neighbour."""
    from parts.safety.recognisers import recognise

    text = PLACEHOLDER.sub(lambda match: _BLANK * len(match[0]), text)
    spans: list[Span] = []
    for start, end in _windows(text):
        piece = text[start:end]
        while new := [
            s for s in recognise(piece, params.kinds, params.score) if _is_inside_window(s, start, end, len(text))
        ]:
            spans += [Span(start + first, start + last, kind, score) for first, last, kind, score in new]
            for first, last, *_ in new:
                piece = piece[:first] + _BLANK * (last - first) + piece[last:]
    return tuple(_merge(spans))


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield overlapping pieces [start, end) of `text`."""
    for start in range(0, max(1, len(text) - OVERLAP), WINDOW - OVERLAP):
        yield start, min(start + WINDOW, len(text))


def _is_inside_window(span: tuple[int, int, str, float], start: int, end: int, length: int) -> bool:
    """Tell whether a match in the window [start, end) touches no inner edge: one that does is whole in the next window."""
    return (span[0] > 0 or start == 0) and (start + span[1] < end or end == length)


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return `spans` in order, overlapping ones merged, of the kind of the longest one with the highest score."""
    merged: list[Span] = []
    best: Span | None = None
    for span in sorted(spans, key=lambda s: (s.start, -s.end, -s.score, s.kind)):
        if merged and span.start < merged[-1].end:
            best = max(best, span, key=lambda s: (s.end - s.start, s.score))
            merged[-1] = replace(best, start=merged[-1].start, end=max(merged[-1].end, span.end))
        else:
            best = span
            merged.append(span)
    return merged


def _by_first_word(values: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return (value, kind) by the value's first word; without values of one plain word, which may be an ordinary one."""
    by_word: dict[str, list[tuple[str, str]]] = {}
    for value, kind in values.items():
        if not value.isalpha() and (word := _WORD.search(value)):
            by_word.setdefault(word[0], []).append((value, kind))
    return by_word


def _find_repeats(text: str, by_word: dict[str, list[tuple[str, str]]]) -> Iterator[Span]:
    """Yield every place of the values in a folded text, as words of their own."""
    for word in _WORD.finditer(text):
        for value, kind in by_word.get(word[0], ()):
            start = word.start() - value.index(word[0])
            end = start + len(value)
            if start >= 0 and text.startswith(value, start) and not _WORD.match(text, end):
                yield Span(start, end, kind)
