"""Decode the bytes of a text file: by its mark, by where its zero bytes stand, as UTF-8, or by the letters that come out."""

import codecs
import re
import unicodedata

from parts.corpus.unreadable import Unreadable

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
"""In this order: the mark of UTF-16 begins that of UTF-32."""

_SIGN_IN_WORD = re.compile(r"[^\W\d_][\u00a1-\u00bf\u00d7\u00f7][^\W\d_]")  # as where Polish is taken for French
_LATIN = ("cp125", "iso8859_", "latin_", "mac_", "cp437", "cp85", "cp86")
_SAMPLE = 1 << 16  # bytes that a guess rests on
_MOST_CONTROLS = 0.01  # share of the characters, above it the file is no text


def decode(data: bytes) -> str:
    """Return the text of `data`. Raises Unreadable for bytes that are no text, or of an encoding that cannot be told."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return _checked(_decoded(data, encoding))
    if b"\0" in data[:_SAMPLE]:
        return _checked(_decoded(data, _wide_encoding(data[:_SAMPLE])))
    try:
        return _checked(data.decode("utf-8"))
    except UnicodeDecodeError:
        return _checked(_decoded(data, _guess(data)))


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise Unreadable("wrong encoding", f"is not whole {encoding.upper()}: save it as UTF-8") from error


def _wide_encoding(sample: bytes) -> str:
    """Return the encoding of text with zero bytes and no mark: Latin letters have theirs in the same places."""
    zeros = [sample[place::4].count(0) / max(1, len(sample[place::4])) for place in range(4)]
    for encoding, places in {
        "utf-32-le": (2, 3), "utf-32-be": (0, 1), "utf-16-le": (1, 3), "utf-16-be": (0, 2),
    }.items():  # fmt: skip
        others = [share for place, share in enumerate(zeros) if place not in places]
        if min(zeros[place] for place in places) > 0.5 and min(others) < 0.1:
            return encoding
    raise Unreadable("unsupported", "is no text (it has zero bytes)")


def _guess(data: bytes) -> str:
    """Return the likeliest encoding of bytes that are not UTF-8, by the letters that come out."""
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE]).best()
    if best is None:
        raise Unreadable("wrong encoding", "is text of an unknown encoding, or none: save it as UTF-8")
    is_latin = best.encoding.startswith(_LATIN)  # these differ in few letters, and cp1252 is the most used
    return "cp1252" if is_latin and _is_western(data) else best.encoding


def _is_western(data: bytes) -> bool:
    try:
        return not _SIGN_IN_WORD.search(data.decode("cp1252"))
    except UnicodeDecodeError:
        return False


def _checked(text: str) -> str:
    """Return `text` where it is text, and not the bytes of something else that happen to decode."""
    n_controls = sum(
        unicodedata.category(character) == "Cc" and character not in "\t\n\r\f" for character in text[:_SAMPLE]
    )
    if n_controls > _MOST_CONTROLS * min(len(text), _SAMPLE):
        raise Unreadable("unsupported", "is no text (it has control characters)")
    return text
