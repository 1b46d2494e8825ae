"""Ask for what a sentence of free English prose says: every number, time, date, colour, name and place in it.

The rules of sentences.py read a sentence as one fact about the document's subject. Prose says several things in a sentence,
about many subjects, and what a sentence is about may stand in the one before.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from invitro.rules import sentences, wordings

_ONES = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_NUMBER = rf"\d+(?:[.,:]\d+)*|(?:{_TENS})(?:-(?:one|{_ONES}))?|{_ONES}|half|a (?:third|quarter|fifth|dozen)"
_NAME = r"[A-Z][\w\u2019'-]*\w"
_BEFORE = "in into by at on to from under beside behind above".split()
_SPANS = {
    "date": rf"\d{{1,2}} (?:{sentences.MONTHS})|(?:{sentences.MONTHS}) \d{{1,2}}",
    "day": rf"(?:(?:first|second|third|fourth|last) )?(?:{sentences.DAYS})s?(?: (?:of|in) (?:{sentences.MONTHS}|the month))?",
    "month": sentences.MONTHS,
    "hour": rf"(?:half past|(?:a )?quarter (?:past|to)) (?:{_ONES})",
    "number": rf"(?:{_NUMBER})(?:%| percent)?(?! of the|[\w\u2019'-])",
    "colour": sentences.COLOURS,
    "name": rf"{_NAME}(?: (?:of (?:the )?)?{_NAME})*",
    "place": rf"(?:{'|'.join(f'(?<={word} )' for word in _BEFORE)})(?:the|an?) [a-z]+(?: [a-z]+)?(?=[.,;])",
}
_SPAN = re.compile("|".join(rf"\b(?P<{kind}>{pattern})" for kind, pattern in _SPANS.items()))
_NO_NOUN = (
    "and or at in on to is are was were for from by a an the of with when if as than that who which until before after"
)
_NOUN = re.compile(rf" (?!(?:{_NO_NOUN.replace(' ', '|')})\b)[a-z]+")
_CLOCK = re.compile(r"\b(?:at|by|before|until|after|past|from) $")
_ARTICLE = re.compile(r"\b(?:an?|the) $")
_POINTING = re.compile(r"^(?:It|Its|They|Their|He|His|She|Her|These|Those|This|That|Both|Then)\b")
_MOST_WORDS = 60  # of a sentence: a longer one is a list, or no sentence
_ASKED = {"date": "what date", "day": "what day", "month": "what month", "hour": "what hour"}


class Asked(NamedTuple):
    """Something that a sentence says, and questions for it."""

    questions: list[str]
    reasoning: str
    answer: str


def asked(heading: str, text: str) -> list[Asked]:
    """Return all that can be asked of a passage below `heading`: parts joined by ` > `, the document's title first."""
    titles = [part.strip() for part in heading.split(" > ")]
    table = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    cells = [Asked(wordings.plain(fact), fact.sentence, fact.answer) for fact in sentences.facts(titles[0], table)]
    prose = (line.replace("*", "") for line in sentences.lines(text) if not line.startswith("|"))
    return cells + [each for line in prose for each in _of_line(titles[-1], line)]


def _of_line(topic: str, line: str) -> Iterator[Asked]:
    """Yield what each sentence of a paragraph says, with the one before it where it points to that."""
    whole = [sentence for sentence in sentences.sentences(line) if len(sentence.split()) <= _MOST_WORDS]
    for before, sentence in pairwise(["", *whole]):
        context = f"{before} " if before and _POINTING.match(sentence) else ""
        for span in _SPAN.finditer(sentence):
            kind, start, end = span.lastgroup, *span.span()
            if kind == "name" and start == 0:  # any sentence begins with a capital
                continue
            noun = _NOUN.match(sentence, end) if kind in ("number", "colour") else None
            answer = sentence[start : noun.end() if noun else end]
            what = _what(kind, sentence[:start], noun)
            rest = sentence[end if what.startswith("how") else start + len(answer) :].rstrip(" .!")
            place = f"{context}{_ARTICLE.sub('', sentence[:start])}{what}{rest}?"
            gap = f"{context}{sentence[:start]}___{sentence[start + len(answer) :]}"
            yield Asked([place, f"{topic}: {place}", f"Fill the gap: {gap}"], f"{context}{sentence}", answer)


def _what(kind: str, before: str, noun: object) -> str:
    """Return the words that stand in a question for a span of `kind`, with the text `before` it and a `noun` after it."""
    if kind == "number":
        return "how many" if noun else "what hour" if _CLOCK.search(before) else "what number"
    if kind == "colour" and not noun:
        return "what colour"
    return _ASKED.get(kind) or ("whom" if before.endswith("by ") else "what")
