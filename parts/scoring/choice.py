"""Score the answers to multiple-choice questions: by the option that a response names, and by the one held likeliest.

Options stand in the prompt with letters, `A) ...`, one a line. A response names one by its letter or by its words.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase

from parts.project import answer_format
from parts.scoring.exact import words
from schemas.errors import UserError

VERSION = "choice-1"
UNPARSED = "names no option, or more than one"

Score = tuple[float | None, str | None]
"""value, reason"""

_LETTER = re.compile(
    r"\W*(?:(?:the )?(?:correct |right |best )?(?:answer|option|choice)\b(?: is)?:?\s*)?"
    r"(?:\(([A-Za-z])\)|\*{0,2}([A-Za-z])\*{0,2}(?:[).:]|\s*$|\s+[-\u2013\u2014]\s))",
    re.IGNORECASE,
)


def score(
    response: str, likeliest: str | None, options: Sequence[str], reference: str, answerable: bool
) -> dict[str, Score]:
    """Return choice (0 or 1) and, where the model's likeliest option is known, choice_likelihood (0 or 1).

    A response that names no option, or two, is wrong, and its reason says so. Where no option is right, declining is,
    and likelihood says nothing. Raises Mistake when the reference is none of the options.
    """
    if not answerable:
        return {"choice": (float(answer_format.is_refusal(response)), None)}
    right = named(reference, options)
    if right is None:
        raise UserError(
            f"the reference {reference!r} is not one of {list(options)}: correct it in the file of the exam"
        )
    said = named(answer_format.extract_answer(response), options)
    found: dict[str, Score] = {"choice": (float(said == right), UNPARSED if said is None else None)}
    if likeliest is not None:
        found["choice_likelihood"] = (float(named(likeliest, options) == right), None)
    return found


def named(text: str, options: Sequence[str]) -> int | None:
    """Return the place of the one option that `text` names; None: none, or several.

    An option's whole text names it before any letter does: it may be called `B`.
    """
    whole = [at for at, option in enumerate(options) if option.strip().lower() == text.strip().lower()]
    if whole:
        return whole[0] if len(whole) == 1 else None
    match = _LETTER.match(text)
    at = ascii_uppercase.find((match[1] or match[2]).upper()) if match else -1
    lettered = {at} if 0 <= at < len(options) else set()
    said = words(text[match.end() :] if match and lettered else text)
    found = lettered | set(_held(said, [words(option) for option in options]))
    return found.pop() if len(found) == 1 else None


def _held(said: list[str], told: list[list[str]]) -> list[int]:
    """Return which of `told` stand in `said` as a run of words, without those that are part of a longer one there."""
    held = [at for at, option in enumerate(told) if option and _within(option, said)]
    return [at for at in held if not any(told[at] != told[other] and _within(told[at], told[other]) for other in held)]


def _within(part: list[str], whole: list[str]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))
