"""Fold text to what a reader sees: invisible characters removed, look-alike characters made the same.

So an address with a zero-width space in it is still an address, and a tag in full-width letters still a tag.
"""

import re
import unicodedata
from collections.abc import Sequence

import regex

_CONTROL = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # without white space
_INVISIBLE = regex.compile(rf"[{_CONTROL}\p{{Default_Ignorable_Code_Point}}]")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")  # of Markdown: alice\_smith
_NOT_PLAIN = re.compile(r"[\\\x00-\x08\x0e-\x1b\x7f-\U0010ffff]")


def fold(text: str) -> tuple[str, Sequence[int]]:
    """Return the folded text, and for each of its characters the index in `text`."""
    if not _NOT_PLAIN.search(text):
        return text, range(len(text))
    removed = {match.start() for pattern in (_INVISIBLE, _ESCAPE) for match in pattern.finditer(text)}
    indices = [index for index in range(len(text)) if index not in removed]
    return "".join(_plain(text[index]) for index in indices), indices


def _plain(char: str) -> str:
    """Return "-" for a dash, " " for a space, the compatible character (NFKC) where it is a single one, or `char`."""
    if char.isascii():
        return char
    kind = unicodedata.category(char)
    if kind == "Pd" or char == "\u2212":
        return "-"
    if kind == "Zs":
        return " "
    compatible = unicodedata.normalize("NFKC", char)
    return compatible if len(compatible) == 1 else char
