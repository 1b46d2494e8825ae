"""See text as it reads: what nobody sees is gone, and what looks alike is alike.

So that an address with a zero-width space in it is still an address, and a mark in full-width letters still a mark.
"""

import re
import unicodedata
from collections.abc import Sequence

import regex

_CONTROL = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # without white space
_UNSEEN = regex.compile(rf"[{_CONTROL}\p{{Default_Ignorable_Code_Point}}]")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")  # of Markdown: alice\_smith
_ODD = re.compile(r"[\\\x00-\x08\x0e-\x1b\x7f-\U0010ffff]")


def fold(text: str) -> tuple[str, Sequence[int]]:
    """Return `text` as it reads, and where in `text` each of its characters stands."""
    if not _ODD.search(text):
        return text, range(len(text))
    gone = {found.start() for pattern in (_UNSEEN, _ESCAPE) for found in pattern.finditer(text)}
    kept = [at for at in range(len(text)) if at not in gone]
    return "".join(_plain(text[at]) for at in kept), kept


def _plain(char: str) -> str:
    """Return the ASCII character that `char` stands for, if it is a dash, a space or a compatible form of one."""
    if char.isascii():
        return char
    kind = unicodedata.category(char)
    if kind == "Pd" or char == "\u2212":
        return "-"
    if kind == "Zs":
        return " "
    same = unicodedata.normalize("NFKC", char)
    return same if len(same) == 1 else char
