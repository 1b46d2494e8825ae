"""Score an answer by the rule of SQuAD 1.1's published script, evaluate-v1.1.py (arXiv 1606.05250).

Lower case; ASCII punctuation removed, so that 4.3 is 43 and -5 is 5; then the articles; the best of several references.
"""

import re
import string
from collections.abc import Sequence

from parts.scoring.exact import f1
from parts.text import answer_format

VERSION = "squad-1.1"

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """Return the words that the script compares."""
    return _ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def score(response: str, references: Sequence[str], answerable: bool) -> dict[str, float]:
    """Return squad_em (0 or 1) and squad_f1 (0..1) of the answer in `response`, each the best over `references`.

    The script knows no unanswerable question: here a refusal is right.
    """
    if not answerable:
        right = float(answer_format.is_refusal(response))
        return {"squad_em": right, "squad_f1": right}
    answer, rights = words(answer_format.extract_answer(response)), [words(reference) for reference in references]
    return {"squad_em": float(answer in rights), "squad_f1": max(f1(answer, right) for right in rights)}
