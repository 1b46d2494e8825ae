"""Answers whose correctness is known: made from the references of an exam, the right ones in other words, the wrong ones close.

The name of a class begins with what its answers are, right or wrong.
"""

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice

from parts.scoring import exact
from parts.text import answer_format

Row = dict
"""question_id, question, reference, answerable; a known answer has its `response`, too"""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve".split()
_FORMATS: tuple[tuple[str, str | Callable[[re.Match], str]], ...] = (
    (r"(\d{1,3})((?:,\d{3})+)\b", lambda match: match[1] + match[2].replace(",", "")),
    (r"\b(\d{1,3})(\d{3}) (?=[a-z])", r"\1,\2 "),
    (r"\b(\d[\d.]*) euros?\b", r"€\1"),
    (r"\b(\d[\d.]*) dollars?\b", r"$\1"),
    (r"\b(\d[\d.]*) (?:percent|per cent)\b", r"\1%"),
    (r"\b(\d[\d.]*) ?%", r"\1 percent"),
    (r"\b(\d[\d.]*) kg\b", r"\1 kilograms"),
    (r"\b(\d[\d.]*) hours\b", r"\1 h"),
    (r"\b(\d+\.\d+)\b", r"\g<1>0"),
    (r"^(\d|1[0-2])(?= [a-z]|$)", lambda match: _SMALL[int(match[1])]),
)  # fmt: skip
"""Another format of a number, as pattern and replacement; the first that fits is used."""
_SENTENCES = (
    "According to the documents, it is {reference}.",
    "{reference} is what the documents say.",
    "{question} The answer to this is {reference}.",
)
_NEGATIONS = ("not {reference}", "It is not {reference}.", "It is anything but {reference}.")
_OPPOSITES = {"yes": "no", "no": "yes"}


def known_answers(rows: Sequence[Row], count: int, seed: int) -> dict[str, list[Row]]:
    """Return up to `count` answers of each of CLASSES, each to another answerable question of `rows`.

    A class has none where no reference of the exam allows it: one without a number has no number to change.
    """
    rng = random.Random(seed)
    by_id = {row["question_id"]: row for row in rows if row["answerable"]}
    questions = [by_id[question_id] for question_id in sorted(by_id)]
    shuffled = rng.sample(questions, len(questions))
    answers = {}
    for name, make in CLASSES.items():
        made = (answer for row in shuffled if (answer := make(row, questions, rng)))
        answers[name] = list(islice(made, count))
    return answers


def twin(row: Row, questions: Sequence[Row]) -> Row | None:
    """Return the question most like `row` by its words whose reference has the same form and another value; None: there is none.

    The same form: the same words around numbers, such as `N euros`, or as many words with the same capitals.
    """
    own, form = set(exact.words(row["question"])), _form(row["reference"])
    twins = [other for other in questions if _form(other["reference"]) == form and _differ(row, other)]
    return max(twins, key=lambda other: len(own & set(exact.words(other["question"]))), default=None)


def change_number(text: str) -> str | None:
    """Return `text` with one digit of its last number changed, the last that is not 0; None for a text without a number."""
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return None
    first, last = numbers[-1].span()
    at = max((i for i in range(first, last) if text[i] in "123456789"), default=last - 1)
    return text[:at] + ("8" if text[at] == "9" else str(int(text[at]) + 1)) + text[at + 1 :]


def change_format(text: str) -> str | None:
    """Return `text` with a number in another format: 1,430 for 1430, € for euros, five for 5; None where none is known."""
    changed = (re.sub(pattern, format, text, count=1) for pattern, format in _FORMATS)
    return next((other for other in changed if other != text), None)


def _sentence(row: Row, questions: Sequence[Row], rng: random.Random) -> Row:
    return _answered(row, rng.choice(_SENTENCES).format(**row))


def _format(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    other = change_format(row["reference"])
    return _answered(row, other) if other else None


def _both(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    both = _asked_at_once(row, questions)
    return _answered(both, f"First {both['first']}, then {both['second']}.") if both else None


def _half(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    both = _asked_at_once(row, questions)
    return _answered(both, rng.choice([both["first"], both["second"]])) if both else None


def _either(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    both = _asked_at_once(row, questions)
    return _answered(row, " or ".join(rng.sample([both["first"], both["second"]], 2))) if both else None


def _other(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    own = set(exact.words(f"{row['question']} {row['reference']}"))
    others = [other["reference"] for other in questions if not own & set(exact.words(other["reference"]))]
    return _answered(row, rng.choice(others)) if others else None


def _twin(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    other = twin(row, questions)
    return _answered(row, other["reference"]) if other else None


def _changed(row: Row, questions: Sequence[Row], rng: random.Random) -> Row | None:
    other = change_number(row["reference"])
    return _answered(row, other) if other else None


def _negated(row: Row, questions: Sequence[Row], rng: random.Random) -> Row:
    opposite = _OPPOSITES.get(row["reference"].lower().strip(" ."))
    return _answered(row, opposite or rng.choice(_NEGATIONS).format(**row))


CLASSES: dict[str, Callable[[Row, Sequence[Row], random.Random], Row | None]] = {
    "right_sentence": _sentence, "right_format": _format, "right_both": _both,
    "wrong_other": _other, "wrong_twin": _twin, "wrong_number": _changed, "wrong_negation": _negated, "wrong_half": _half,
    "wrong_either": _either,
}  # fmt: skip


def _answered(row: Row, answer: str) -> Row:
    return row | {"response": answer_format.format_answer("", answer)}


def _asked_at_once(row: Row, questions: Sequence[Row]) -> Row | None:
    """Return a question and its twin as one, with the `first` and the `second` reference as a list of two."""
    other = twin(row, questions)
    if other is None:
        return None
    first, second = row["reference"], other["reference"]
    question = {"question": f"{row['question']} {other['question']}", "reference": f"{first}; {second}"}
    return row | question | {"first": first, "second": second}


@cache
def _form(reference: str) -> tuple[str, ...]:
    masked = _NUMBER.sub("0", reference)
    return tuple(
        masked.lower().split() if masked != reference else ("A" if w[0].isupper() else "a" for w in masked.split())
    )


def _differ(row: Row, other: Row) -> bool:
    """Return whether each reference has a word that the other lacks."""
    first, second = set(exact.words(row["reference"])), set(exact.words(other["reference"]))
    return bool(first - second and second - first)
