"""What Postgres's full-text search reads of a text, and in which language."""

import re
import unicodedata
from collections.abc import Collection
from itertools import pairwise

import polars as pl
import regex

from parts.text.words import BY_CHARACTER

NAMES = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali",
    "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""ISO 639-1 -> the text search of Postgres 18 that has stop words and stems of the language."""

OTHER = "simple"
"""The text search of all other languages: no stop words, no stems."""

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_GLUE = re.compile(r"(?<=[^\W_])[-/_](?=[^\W_])|(?<=[^\W\d_]{2})\.(?=[^\W\d_]{2})")
_RUN = regex.compile(rf"(?:[[\p{{L}}\p{{N}}]&&[{BY_CHARACTER}\u30fc]]\p{{M}}*+)++", regex.VERSION1)
_CHARACTER = regex.compile(r"\P{M}\p{M}*+")


def opened(text: str) -> str:
    """Return `text` with what Postgres takes for one word opened: ERR-4021, Employee/Spouse, config/pump.yaml; 1,500 is 1500.

    A run of a script that sets no spaces between words becomes its characters and the pairs of neighbours.
    """
    text = _GLUE.sub(" ", _THOUSANDS.sub("", unicodedata.normalize("NFC", text)))
    return _RUN.sub(_characters_and_pairs, text)


def _characters_and_pairs(run: regex.Match) -> str:
    characters = _CHARACTER.findall(run[0])
    pairs = (first + second for first, second in pairwise(characters))
    return f" {' '.join([*characters, *pairs])} "


def searches(chunks: pl.DataFrame, available: Collection[str]) -> dict[str, str]:
    """Return chunk_id -> the text search of each of Chunks, of those `available`: of the language of its document.

    A document that does not tell its language has that of most passages.
    """
    known = chunks["language"].drop_nulls().value_counts().sort("count", "language", descending=[True, False])
    most = known["language"][0] if len(known) else None
    names = {code: NAMES[code] for code in NAMES if NAMES[code] in available}
    return {
        chunk_id: names.get(code or most, OTHER) for chunk_id, code in chunks.select("chunk_id", "language").iter_rows()
    }
