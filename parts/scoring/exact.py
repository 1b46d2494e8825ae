"""Score an answer against its reference by words: exact match and token F1, as in SQuAD (arXiv 1606.05250)."""

import re
from collections import Counter

from parts.text import answer_format

VERSION = "words-2"

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+")
_ARTICLES = {"a", "an", "the"}


def words(text: str) -> list[str]:
    """Return the words and numbers of `text` in lower case, without articles and punctuation."""
    return [word for word in _WORD.findall(text.lower()) if word not in _ARTICLES]


def score(response: str, reference: str, answerable: bool) -> dict[str, float]:
    """Return exact (0 or 1) and f1 (0..1) of the answer in `response`; for an unanswerable question a refusal is right."""
    if not answerable:
        right = float(answer_format.is_refusal(response))
        return {"exact": right, "f1": right}
    answer_words, reference_words = words(answer_format.extract_answer(response)), words(reference)
    common = (Counter(answer_words) & Counter(reference_words)).total()
    return {
        "exact": float(bool(answer_words) and answer_words == reference_words),
        "f1": 2 * common / (len(answer_words) + len(reference_words)) if common else 0.0,
    }
