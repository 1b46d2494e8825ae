"""Detect the language of a text."""

from functools import cache

READ = 2000
"""Characters of a text that are looked at."""

SURE = 0.5
"""Least probability of a language, below it the text does not tell: a list of prices, names or code."""


def language(text: str) -> str | None:
    """Return the language of `text` by its code in ISO 639-1 (ISO 639-3 where that has none); None where it does not tell."""
    code, probability = _identifier().classify(text[:READ])
    return code if probability >= SURE else None


@cache
def _identifier():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
