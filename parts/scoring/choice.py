"""Score answers to multiple-choice questions by the option that a response names, and by the model's likeliest option.

The prompt lists the options with letters, one per line. A response names an option by its letter or by its words, unless
it denies it: "not B", "12 days rather than 14", "A is wrong". Reasons, from "because" on, are not read.
"""

from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import NamedTuple

import regex

from parts.project.errors import UserError
from parts.scoring import exact
from parts.text import answer_format

VERSION = "choice-3"
UNPARSED = "names no option, or more than one"

Score = tuple[float | None, str | None]
"""value, reason"""


def score(
    response: str, likeliest: str | None, options: Sequence[str], references: Sequence[str], answerable: bool
) -> dict[str, Score]:
    """Return choice (0 or 1) and, where `likeliest` is not None, choice_likelihood (0 or 1).

    A response that names no option, or several, is wrong, with the reason UNPARSED. For an unanswerable question a
    refusal is right, and there is no choice_likelihood. Raises UserError if a reference is none of the options.
    """
    if not answerable:
        return {"choice": (float(answer_format.is_refusal(response)), None)}
    right = {named_option(reference, options): reference for reference in references}
    if None in right:
        raise UserError(
            f"the reference {right[None]!r} is not one of {list(options)}: correct it in the file of the exam"
        )
    choice = named_option(answer_format.extract_answer(response), options)
    scores: dict[str, Score] = {"choice": (float(choice in right), UNPARSED if choice is None else None)}
    if likeliest is not None:
        scores["choice_likelihood"] = (float(named_option(likeliest, options) in right), None)
    return scores


def named_option(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the option that `text` names; None if it names none or several.

    A text equal to an option names that option, whatever its letters: an option may be called `B`.
    """
    text = text[:_LONGEST]
    equal = [index for index, option in enumerate(options) if option.strip().lower() == text.strip().lower()]
    if equal:
        return equal[0] if len(equal) == 1 else None
    spelled = exact.spell(_CONTRACTED.sub(" not", text))
    mentions = _mentions(_REASON.sub("", spelled), options) or _mentions(spelled, options)
    named = {mention.option for mention in mentions}
    return named.pop() if len(named) == 1 else None


class _Mention(NamedTuple):
    """An option named in a text, at [start, end) in characters."""

    start: int
    end: int
    option: int
    strength: int
    """CAPITAL, WORDS or MARKED"""


CAPITAL, WORDS, MARKED = range(3)  # a bare letter that may be part of a name; an option's words; (B), option B


_LONGEST = 2000  # characters of a response that are read: mentions are compared two by two
_CONTRACTED = regex.compile(r"n['\u2019]t\b|(?<=\bcan)not\b", regex.IGNORECASE)
_REASON = regex.compile(
    r"^\W*(?:because|since|as)\b[^,]*,|(?:(?<=[^\s,;:(])|(?<=\A\s*[,;:(])|(?<=\S)\G)[\s,;:(]++"
    r"(?:because|since|as (?:the|it|this|that|they|all)|due to|given that)\b.*",
    regex.IGNORECASE | regex.DOTALL,
)
_FOLLOWS_A = r"\s*(?:$|[.,;:!?)\]*\"]|-\s|\b(?:is|was|because|since|as|and|or|nor|but|not|seems|would|must|looks)\b)"
_LETTER = rf"(?P<letter>[B-Zb-z]|[Aa](?={_FOLLOWS_A}))(?![\w'\u2019+#]|-\w)"
_MARKED = regex.compile(
    r"^\W*(?P<letter>[A-Za-z])(?:\*{0,2}[).:](?=\s|\*|$)|\W*$|\s+-\s|\*\*)"
    r"|\((?P<letter>[A-Za-z])\)|\[(?P<letter>[A-Za-z])\]|\*\*(?P<letter>[A-Za-z])[.)]?\*\*"
    rf"|\b(?i:option|choice|letter|answer|choose|chose|pick|select|go with)\s+(?:(?:is|would be|must be):?\s+)?\W{{0,2}}{_LETTER}"
)
_CAPITAL = regex.compile(rf"(?<![\w'\u2019&.+-])(?P<letter>[B-HJ-Z]|A(?={_FOLLOWS_A}))(?![\w'\u2019+#&]|-\w|\.\w)")
_DENIED = regex.compile(
    r"\b(?:not|never|neither|nor|except|than|instead of|unlike)"
    r"(?:\s+(?:think|believe|be|is|it|by|in|on|at|for|the|an?|option|answer|choice|really|necessarily)\b){0,3}[\s\"'(*\[]*$",
    regex.IGNORECASE,
)
_REJECTED = regex.compile(
    r"[\s\"')*\]]*(?:is|are|was|were|would be|can not be|seems|looks) "
    r"(?:not|wrong|incorrect|false|excluded|ruled out|too|impossible)\b",
    regex.IGNORECASE,
)


def _mentions(text: str, options: Sequence[str]) -> list[_Mention]:
    """Return the options that `text`, spelled as `exact.spell` does, names and does not deny."""
    marked = list(_letters(_MARKED, MARKED, text, options))
    everything = [*marked, *_letters(_CAPITAL, CAPITAL, text, options), *_runs(text, options, marked)]
    yes_or_no = [mention for mention in everything if mention.start == 0 and _is_yes_or_no(options[mention.option])]
    return yes_or_no or [
        mention
        for mention in everything
        if not any(_covers(other, mention) for other in everything)
        and not _DENIED.search(text[max(0, mention.start - 60) : mention.start])
        and not _REJECTED.match(text, mention.end)
    ]


def _letters(pattern: regex.Pattern, strength: int, text: str, options: Sequence[str]) -> Iterator[_Mention]:
    for match in pattern.finditer(text):
        option = ascii_uppercase.find(match["letter"].upper())
        if option < len(options):
            yield _Mention(*match.span("letter"), option, strength)


def _runs(text: str, options: Sequence[str], marked: list[_Mention]) -> Iterator[_Mention]:
    """Yield where the words of an option stand in `text` one after the other, without a marked letter among them."""
    letters = {mention.start for mention in marked}
    tokens = exact.tokens(text)
    words = [exact.word(token) if token.start() not in letters else None for token in tokens]
    for option, run in enumerate(map(exact.words, options)):
        for first in range(len(words) - len(run) + 1 if run else 0):
            if words[first : first + len(run)] == run:
                yield _Mention(tokens[first].start(), tokens[first + len(run) - 1].end(), option, WORDS)


def _covers(wide: _Mention, narrow: _Mention) -> bool:
    """Tell whether `narrow` is a part of `wide`: the days of 12 days, the B of the option Vitamin B; never a marked letter."""
    if narrow.strength == MARKED or wide.start > narrow.start or wide.end < narrow.end:
        return False
    return wide.end - wide.start > narrow.end - narrow.start or wide.strength > narrow.strength


def _is_yes_or_no(option: str) -> bool:
    return exact.words(option) in (["yes"], ["no"])
