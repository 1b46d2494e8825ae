"""Find what is private in texts, and put stand-ins in its place before a text leaves for another's model.

Found by Presidio's recognisers (patterns with checksums, or with words that go before), and for kinds that take a
language model, such as PERSON, by the spaCy models that are installed. A stand-in is <KIND_NUMBER>: it tells the
teacher that two places name the same, and nothing else.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

from pydantic import BaseModel, Field

from parts.safety.unicode import fold

WINDOW, OVERLAP = 5000, 200  # characters looked at in one go: some recognisers slow down, or stop, on long texts
PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]*_\d{1,6}>")
_WORD = re.compile(r"[^\W_]+")
_BLANK = "\0"  # part of nothing private, and in no folded text


class Params(BaseModel, extra="forbid", frozen=True):
    """Section `redact` of params.yaml."""

    private: Literal["mask", "count", "refuse"]  # what becomes of it
    kinds: tuple[str, ...]  # Presidio's names; PERSON, LOCATION and the like take an installed spaCy model
    score: float = Field(gt=0, le=1)  # least confidence


@dataclass(frozen=True)
class Span:
    """Something private at [start, end) of a text, in characters."""

    start: int
    end: int
    kind: str
    score: float = 0
    stand_in: str = ""


Mask = Callable[[list[str]], list[str]]
"""texts that belong together -> the same as a model of others may see them"""


def masker(given: Params) -> Mask:
    """Return what hides what is private, unless `given` lets it pass."""
    return list if given.private == "count" else partial(mask_all, given=given)


def mask_all(texts: Sequence[str], given: Params) -> list[str]:
    """Return `texts` with stand-ins in place of what is private in them, the same value the same in all of them."""
    return [replace_spans(text, found) for text, found in zip(texts, find_spans(texts, given), strict=True)]


def replace_spans(text: str, found: Sequence[Span], start: int = 0, end: int | None = None) -> str:
    """Return text[start:end] with stand-ins for what is `found` in `text`; one that lies across an edge is told whole."""
    end = len(text) if end is None else end
    pieces, at = [], start
    for span in found:
        if span.start < end and start < span.end:
            pieces += [text[at : max(at, span.start)], span.stand_in]
            at = min(span.end, end)
    return "".join([*pieces, text[at:end]])


def find_spans(texts: Sequence[str], given: Params) -> list[list[Span]]:
    """Return what is private in each of `texts`, in order, with a stand-in for each value.

    What is private in one place is so in all: a number that only the words before it gave away is found elsewhere too.
    Stand-ins are numbered as they first appear. A number that a text has in something like a stand-in is left out, so
    that no document can speak of another's values.
    """
    folded = [fold(text) for text in texts]
    found = [_detect(text, given) for text, _ in folded]
    values = {text[s.start : s.end]: s.kind for (text, _), part in zip(folded, found, strict=True) for s in part}
    known = _by_first_word(values)
    taken = {name for text, _ in folded for name in re.findall(r"[a-z][a-z_]*_\d{1,6}", text.lower())} if values else ()
    numbers, named, told = Counter(), {}, []
    for (text, places), part in zip(folded, found, strict=True):
        placed = []
        for span in _merge([*part, *_find_repeats(text, known)]) if values else part:
            value = (span.kind, _identity(text[span.start : span.end]))
            if value not in named:
                numbers[span.kind] += 1
                while f"{span.kind}_{numbers[span.kind]}".lower() in taken:
                    numbers[span.kind] += 1
                named[value] = f"<{span.kind}_{numbers[span.kind]}>"
            placed.append(replace(span, start=places[span.start], end=places[span.end - 1] + 1, stand_in=named[value]))
        told.append(placed)
    return told


def _identity(value: str) -> str:
    """Return what makes two spellings of a value one: case never does, spaces and dashes not outside an address."""
    return value.casefold() if "@" in value else re.sub(r"[\s()-]", "", value).casefold()


@lru_cache(maxsize=4096)
def _detect(text: str, given: Params) -> tuple[Span, ...]:
    """Return what is private in a folded text. Looks again once that is blanked: it may have hidden its neighbour."""
    from parts.safety.recognisers import recognise

    text = PLACEHOLDER.sub(lambda found: _BLANK * len(found[0]), text)
    found: list[Span] = []
    for start, end in _windows(text):
        piece = text[start:end]
        while new := [
            s for s in recognise(piece, given.kinds, given.score) if _is_inside_window(s, start, end, len(text))
        ]:
            found += [Span(start + first, start + last, kind, score) for first, last, kind, score in new]
            for first, last, *_ in new:
                piece = piece[:first] + _BLANK * (last - first) + piece[last:]
    return tuple(_merge(found))


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield overlapping pieces [start, end) of `text`."""
    for start in range(0, max(1, len(text) - OVERLAP), WINDOW - OVERLAP):
        yield start, min(start + WINDOW, len(text))


def _is_inside_window(span: tuple[int, int, str, float], start: int, end: int, length: int) -> bool:
    """Tell whether a find in the window [start, end) is whole: one that touches an inner edge is so in the next window."""
    return (span[0] > 0 or start == 0) and (start + span[1] < end or end == length)


def _merge(found: Iterable[Span]) -> list[Span]:
    """Return `found` in order, those that overlap as one, of the kind of the longest and surest one."""
    kept: list[Span] = []
    best: Span | None = None
    for span in sorted(found, key=lambda s: (s.start, -s.end, -s.score, s.kind)):
        if kept and span.start < kept[-1].end:
            best = max(best, span, key=lambda s: (s.end - s.start, s.score))
            kept[-1] = replace(best, start=kept[-1].start, end=max(kept[-1].end, span.end))
        else:
            best = span
            kept.append(span)
    return kept


def _by_first_word(values: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return (value, kind) by the value's first word, for _again; a single plain word may well be an ordinary one."""
    known: dict[str, list[tuple[str, str]]] = {}
    for value, kind in values.items():
        if not value.isalpha() and (word := _WORD.search(value)):
            known.setdefault(word[0], []).append((value, kind))
    return known


def _find_repeats(text: str, known: dict[str, list[tuple[str, str]]]) -> Iterator[Span]:
    """Yield where `known` values stand in a folded text, as words of their own."""
    for word in _WORD.finditer(text):
        for value, kind in known.get(word[0], ()):
            start = word.start() - value.index(word[0])
            end = start + len(value)
            if start >= 0 and text.startswith(value, start) and not _WORD.match(text, end):
                yield Span(start, end, kind)
