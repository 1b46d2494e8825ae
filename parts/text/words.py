"""Words of a text in any script: for near-duplicates, grounding, the exam check and evidence. queries/words.sql has the same.

A word is a run of letters, their marks and digits. In a script that sets no spaces between words, or ends them with
particles as Korean does, each character is one, with its marks.
"""

import unicodedata

import regex

BY_CHARACTER = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""The scripts that set no spaces between words, or end them with particles, for a class of a pattern."""

WORD = regex.compile(
    rf"[[\p{{L}}\p{{N}}]&&[{BY_CHARACTER}]]\p{{M}}*"
    rf"|[[\p{{L}}\p{{N}}]--[{BY_CHARACTER}]][[\p{{L}}\p{{M}}\p{{N}}]--[{BY_CHARACTER}]]*",
    regex.VERSION1,
)
_DIGIT = regex.compile(r"\p{N}")
_LOWER = str.maketrans("\u0130\u03a3", "i\u03c3")  # the two letters that str.lower and DuckDB's lower() map differently
_DIGITS = str.maketrans("".join(map(chr, range(0xFF10, 0xFF1A))), "0123456789")  # of full width


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case, in Unicode's NFC."""
    return WORD.findall(folded(text))


def folded(text: str) -> str:
    """Return `text` in lower case, in Unicode's NFC, with digits of one width."""
    return unicodedata.normalize("NFC", text).translate(_LOWER).lower().translate(_DIGITS)


def numbers(text: str) -> frozenset[str]:
    """Return the words of `text` that have a digit."""
    return frozenset(word for word in WORD.findall(text) if _DIGIT.search(word))


def names(text: str) -> frozenset[str]:
    """Return the words of `text` that have a capital or a digit."""
    return frozenset(word for word in WORD.findall(text) if word != word.lower()) | numbers(text)
