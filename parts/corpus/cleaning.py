"""Clean the text of a document, of whatever format: what cannot be seen goes, and one letter is written one way."""

import re
import unicodedata

_BREAKS = re.compile(r"\r\n?|\u0085|\u2028|\u2029|\v")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060-\u2064\ufeff]")
"""Soft hyphens and spaces of no width; not the joiners of Indic scripts, which make other letters."""

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")


def clean(text: str) -> str:
    r"""Return `text` in Unicode's NFC, lines ended by \n, pages by \f, without invisible and control characters."""
    text = _INVISIBLE.sub("", _BREAKS.sub("\n", text))
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))
