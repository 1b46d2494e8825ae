"""Whether an answer gives what a reference does, by rules: its numbers, its words, and no clause that denies them.

It compares words. Synonyms, who did what to whom, and a second answer beside the right one are beyond it.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

from invitro.rules.judge import EMPTY, FIELD

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+|[%€$£]")
_SIGN_FIRST = re.compile(r"([€$£]|\b(?:EUR|USD|GBP)\b)\s?(\d[\d.,:]*)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_COUNTS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_SAME = {word: str(count) for count, word in enumerate(_COUNTS)} | {
    "%": "percent", "€": "euro", "eur": "euro", "$": "dollar", "usd": "dollar", "£": "pound", "gbp": "pound",
    "kilogram": "kg", "kilograms": "kg", "h": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "w": "watt",
}  # fmt: skip
_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed|es|s|e)$")
_UNITS = "percent euro dollar pound kg gram km mile watt volt second minute hour day week month year".split()
_UNIT_STEMS = {_ENDING.sub("", unit) for unit in _UNITS}
_CLAUSE = re.compile(
    r"[.;,:!?](?=\s|$)|\n|\s[-\u2013\u2014]\s|\sbut\s|\s(?=(?:and not|rather than|instead of)\b)", re.IGNORECASE
)
_ALL_BUT = re.compile(r"\b(?:all|any|every)\w*(?:\s\w+)?\sbut\b", re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|none|nobody|nothing|cannot|false|untrue|incorrect|wrong|other than|"
    r"rather than|instead of|\w+n['\u2019]t)\b(?!\s(?:only|just|more|less|fewer|later|earlier|longer|doubt)\b)",
    re.IGNORECASE,
)
_OR = re.compile(r"\bor\b(?!\sso\b)", re.IGNORECASE)
_ITEM = re.compile(r"[;\n]|,\s|\band\b|\s&\s")
_NAME = re.compile(r"(?<=\s)[A-Z]\w+")
_ALL = 4  # words up to which all are needed
_THRESHOLD = 0.6  # share of the words of a longer item


def correct(prompt: str) -> dict:
    """The pipeline's own Verdict: an answer is correct when it gives every item of the reference and no other number."""
    fields = dict(FIELD.findall(prompt))
    question, reference, answer = (fields.get(name, "") for name in ("question", "reference", "answer"))
    reason = objection(question, reference, answer)
    return {"reason": reason or "it gives what the reference does", "verdict": int(reason is None)}


def objection(question: str, reference: str, answer: str) -> str | None:
    """Return why `answer` is not `reference` in other words; None: it is."""
    reference, answer = (_ALL_BUT.sub("not", text) for text in (reference, answer))
    denies = bool(_NEGATION.search(reference))
    if denies and not _NEGATION.search(answer):
        return "the reference denies something, the answer does not"
    asserted = (
        answer if denies else ". ".join(clause for clause in _CLAUSE.split(answer) if not _NEGATION.search(clause))
    )
    asked, wanted, stated = tokens(question), tokens(reference), tokens(asserted)
    if not wanted and not denies:
        return "the reference has no word"
    for item in _ITEM.split(reference):
        if missing := _missing(item, set(asked), set(stated)):
            return f"it does not give {', '.join(sorted(missing))}"
    if _OR.search(asserted) and not _OR.search(f"{question} {reference}"):
        return "it leaves a choice"
    other = _other_numbers(wanted, asked, stated)
    return f"it gives another number, {', '.join(sorted(other))}" if other else None


def tokens(text: str) -> list[str]:
    """Return the content words and numbers of `text`, one form for each: 1430 for 1,430, euro for €, 5 for five, no endings."""
    words = _TOKEN.findall(_SIGN_FIRST.sub(r"\2 \1", _NEGATION.sub(" ", text)).lower())
    return [_form(word) for word in words if word not in EMPTY]


def _form(word: str) -> str:
    if _is_number(word):
        number = (word.replace(",", "") if _THOUSANDS.fullmatch(word) else word).lstrip("0") or "0"
        return number.rstrip("0").rstrip(".") if re.fullmatch(r"\d*\.\d+", number) else number
    word = _SAME.get(word, word)
    return _ENDING.sub("", word)


def _is_number(token: str) -> bool:
    return token[:1].isdigit() or token[:1] == "."


def _missing(item: str, asked: set[str], stated: set[str]) -> set[str]:
    """Return the words of `item` for lack of which it is not stated; what the question says need not be said again."""
    words = set(tokens(item))
    if new := words - asked:
        words = new | {word for word in words if _is_number(word)}
    missing = words - stated
    if len(words) <= _ALL:
        return missing
    names = {name for match in _NAME.findall(item) for name in tokens(match)}
    needed = {word for word in missing if _is_number(word) or word in names}
    return needed or (missing if len(missing) > (1 - _THRESHOLD) * len(words) else set())


def _other_numbers(wanted: list[str], asked: list[str], stated: list[str]) -> set[str]:
    """Return the stated numbers that the reference lacks, but has their unit, or has, but with another unit."""
    units, known = {unit for _, unit in _counted(wanted)}, {*wanted, *asked}
    another = {number for number, unit in _counted(stated) if unit in units and number not in known}
    return another | {
        f"{number} {unit}"
        for number, unit in _counted(stated)
        if number in wanted and unit in _UNIT_STEMS and unit not in wanted
    }


def _counted(words: list[str]) -> Iterable[tuple[str, str]]:
    """Yield each number with the word after it, "" for none."""
    for word, after in pairwise([*words, ""]):
        if _is_number(word):
            yield word, "" if _is_number(after) else after
