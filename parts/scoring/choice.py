"""Score answers to multiple-choice questions by the option that a response names, and by the model's likeliest option.

The prompt lists the options with letters, one per line. A response names an option by its letter or by its words.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase

from parts.project.errors import UserError
from parts.scoring.exact import words
from parts.text import answer_format

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
    """Return choice (0 or 1) and, where `likeliest` is not None, choice_likelihood (0 or 1).

    A response that names no option, or several, is wrong, with the reason UNPARSED. For an unanswerable question a
    refusal is right, and there is no choice_likelihood. Raises UserError if the reference is none of the options.
    """
    if not answerable:
        return {"choice": (float(answer_format.is_refusal(response)), None)}
    right = named_option(reference, options)
    if right is None:
        raise UserError(
            f"the reference {reference!r} is not one of {list(options)}: correct it in the file of the exam"
        )
    choice = named_option(answer_format.extract_answer(response), options)
    scores: dict[str, Score] = {"choice": (float(choice == right), UNPARSED if choice is None else None)}
    if likeliest is not None:
        scores["choice_likelihood"] = (float(named_option(likeliest, options) == right), None)
    return scores


def named_option(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the option that `text` names; None if it names none or several.

    A text equal to an option names that option, whatever its letters: an option may be called `B`.
    """
    equal = [index for index, option in enumerate(options) if option.strip().lower() == text.strip().lower()]
    if equal:
        return equal[0] if len(equal) == 1 else None
    match = _LETTER.match(text)
    index = ascii_uppercase.find((match[1] or match[2]).upper()) if match else -1
    by_letter = {index} if 0 <= index < len(options) else set()
    text_words = words(text[match.end() :] if match and by_letter else text)
    matches = by_letter | set(_options_in(text_words, [words(option) for option in options]))
    return matches.pop() if len(matches) == 1 else None


def _options_in(text: list[str], options: list[list[str]]) -> list[int]:
    """Return the indices of the options that are a run of words of `text`, without those within a longer such option."""
    indices = [index for index, option in enumerate(options) if option and _contains(text, option)]
    matches = [options[index] for index in indices]
    return [i for i in indices if not any(options[i] != other and _contains(other, options[i]) for other in matches)]


def _contains(text: list[str], run: list[str]) -> bool:
    return any(text[start : start + len(run)] == run for start in range(len(text) - len(run) + 1))
