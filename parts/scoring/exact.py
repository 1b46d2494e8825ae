"""Score an answer by words: exact match and token F1 against the best of its references.

The idea is SQuAD's (arXiv 1606.05250), whose own rule is parts/scoring/squad.py. This one keeps what changes the meaning,
a sign, a currency, a percent sign or the plus signs of C++, and takes 1,430 and 1430, EUR 5 and 5 euros, 15% and 15
percent, twelve and 12 as the same. In a script that sets no spaces between words each character is one, as in
parts/text/words.py.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import regex

from parts.text import answer_format
from parts.text.words import BY_CHARACTER

VERSION = "words-4"

_CURRENCY = r"(?:US\$|[$€£¥₹]|(?:EUR|USD|GBP|JPY|INR|CHF)\b)"
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:[,'\u2019\u00a0\u202f\u2009]\d{3})+(?!\d|,\d)")
_RAISED = regex.compile(r"[™®©]|(?<=\d)(?=\p{No})")  # 10² is not 102
_SPELLINGS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[\u2010-\u2015\u2212]", "-"),
        (r"\u2044", "/"),  # as in ½
        (r"(?i)\bminus (?=\d)", "-"),
        (r"(?i)\bper cent\b", "percent"),
        (r"(?<![\w+])\+(?=\d)", ""),
        (r"(?<![\w.,:)])\.(?=\d)", "0."),
        (r"(?<=\d)\.00(?![\d.,:]*\d)", ""),
        (r"(?<![\d.,:])0(?=\d:\d)", ""),  # 07:30
        (r"\b([^\W\d_])\.(?=[^\W\d_]\b)", r"\1"),  # a.m.
        (rf"(?<!\w)(-?)({_CURRENCY})\s?(-?\d(?:[\d.,]*\d)?)", r"\1\3 \2"),
    )
]
_WORD = regex.compile(
    r"(?:(?<![\w\p{M})%.\]])-)?+\d+(?:[.,:/]\d+)*"  # a number, with its sign
    rf"|[\p{{L}}&&[{BY_CHARACTER}]]\p{{M}}*+"
    rf"|[\p{{L}}--[{BY_CHARACTER}]][[\p{{L}}\p{{M}}\p{{N}}]--[{BY_CHARACTER}]]*+"
    r"(?:\+\+|[+#](?![\p{L}\p{N}])|-(?<=\b\p{L}{1,2}-)(?![\w-]))?"  # C++, A-
    r"|[\p{Sm}\p{Sc}%&°--[|~]]",
    regex.VERSION1,
)
_ARTICLES = {"a", "an", "the"}
_NOUN = regex.compile(r"\s+[\"'\u201c\u2018(*]{0,2}[\p{L}\p{N}]")
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_SAME = {word: str(number) for number, word in enumerate(_NUMBERS)} | {
    "%": "percent", "&": "and", "€": "euro", "eur": "euro", "euros": "euro", "$": "dollar", "usd": "dollar", "us$": "dollar",
    "dollars": "dollar", "£": "pound", "gbp": "pound", "pounds": "pound", "¥": "yen", "jpy": "yen", "₹": "rupee",
    "inr": "rupee", "rupees": "rupee",
}  # fmt: skip


def spell(text: str) -> str:
    """Return `text` with one spelling of numbers, signs, amounts of money and abbreviations; upper case stays."""
    text = _THOUSANDS.sub(lambda number: "".join(filter(str.isdigit, number[0])), text)
    text = _RAISED.sub(" ", text)
    text = unicodedata.normalize("NFKC", text)
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return text


def tokens(spelled: str) -> list[regex.Match]:
    """Return the words, numbers and symbols of a text that `spell` returned, without articles and punctuation."""
    matches = list(_WORD.finditer(spelled))
    return [match for index, match in enumerate(matches) if not _is_article(match, index)]


def word(token: regex.Match) -> str:
    """Return the word of a token in lower case, one for all words of the same meaning."""
    lower = token[0].casefold()
    return _SAME.get(lower, lower)


def words(text: str) -> list[str]:
    """Return the words, numbers and symbols of `text` in lower case, without articles and punctuation."""
    return [word(token) for token in tokens(spell(text))]


def score(response: str, references: Sequence[str], answerable: bool) -> dict[str, float]:
    """Return exact (0 or 1) and f1 (0..1) of the answer in `response`, against the reference that it is nearest to.

    For an unanswerable question a refusal is right.
    """
    if not answerable:
        right = float(answer_format.is_refusal(response))
        return {"exact": right, "f1": right}
    answer = words(answer_format.extract_answer(response))
    rights = [words(reference) for reference in references]
    return {"exact": float(bool(answer) and answer in rights), "f1": max(f1(answer, right) for right in rights)}


def f1(answer: list[str], reference: list[str]) -> float:
    """Return the harmonic mean of precision and recall of the words, 0..1."""
    common = (Counter(answer) & Counter(reference)).total()
    return 2 * common / (len(answer) + len(reference)) if common else 0.0


def _is_article(token: regex.Match, index: int) -> bool:
    """Tell articles from names: Plan A and the A team are not a plan and a team."""
    is_name = token[0] == "A" and index > 0
    return token[0].lower() in _ARTICLES and not is_name and bool(_NOUN.match(token.string, token.end()))
