"""Recognise private values: Presidio's recognisers, made once, and the installed spaCy models.

Nothing here uses the network. Presidio's own recogniser of e-mail addresses does (its list of domains), misses addresses
within a company's network, and takes time quadratic in the length of a line; the pattern here does not.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import regex

from parts.project.errors import UserError
from parts.safety.ordinary import is_ordinary

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

Match = tuple[int, int, str, float]
"""start, end, kind, score"""

CONTEXT_BONUS, CONTEXT_MINIMUM, CONTEXT_WORDS = (
    0.35,
    0.4,
    6,
)  # a context word shortly before raises a score, as in Presidio

EMAIL = r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[^\W_]+(?:[.-]+[^\W_]+)*\.[^\W_]{2,}"
# +44 20 7946 0958, and (555) 123-4567: also numbers that no country has given out, as those of examples; a number may
# go on in the next line, but not behind a blank one
ABROAD = r"(?<![\w+])\+\d(?:(?!\n\n)[\s./()-]{0,2}\d){6,14}(?!\d)"
AMERICAN = r"(?<![\w.-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"
DIGITS = r"(?<![\w.])\(?\d(?:[ ./()-]{0,2}\d){6,14}(?!\w)"
PHONE_WORDS = (
    "phone telephone tel mobile cell cellphone fax call sms whatsapp telefon handy téléphone tél teléfono".split()
)


def recognise(text: str, kinds: tuple[str, ...], min_score: float) -> list[Match]:
    """Return the private values of `kinds` in `text`, with a score of at least `min_score`; matches may overlap."""
    matches = []
    bare = text.replace("_", " ")  # Markdown's emphasis is no part of a number
    for recogniser in _patterns(kinds):
        for start, end, kind, score in _matches(recogniser, text if recogniser.name == "addresses" else bare):
            is_checked, score = score == 1, _raise_by_context(score, text[max(0, start - 100) : start], recogniser)
            if score >= min_score and (is_checked or not is_ordinary(text, start, end, kind)):
                matches.append((start, end, kind, score))
    for engine, recogniser in _models(kinds):
        results = recogniser.analyze(text, list(kinds), engine.process_text(text, "en"))
        matches += [(r.start, r.end, r.entity_type, r.score) for r in results if r.score >= min_score]
    return matches


def _matches(recogniser: "EntityRecognizer", text: str) -> Iterator[Match]:
    """Yield the matches of a recogniser's patterns that pass its checks, also those that overlap, which Presidio skips."""
    if not hasattr(recogniser, "patterns"):
        results = recogniser.analyze(text, recogniser.supported_entities)
        yield from ((r.start, r.end, r.entity_type, r.score) for r in results if _is_long(text[r.start : r.end]))
        return
    (kind,) = recogniser.supported_entities
    for pattern in recogniser.patterns:
        for match in regex.finditer(pattern.regex, text, recogniser.global_regex_flags, overlapped=True):
            # of a pattern that runs on over the words behind an IBAN, any first few may be one
            ends = [word.end() for word in re.finditer(r"\w+", match[0])] if kind == "IBAN_CODE" else [len(match[0])]
            for end in ends:
                value = match[0][:end]
                valid = recogniser.validate_result(value)
                if value and valid is not False and not recogniser.invalidate_result(value):
                    yield match.start(), match.start() + end, kind, 1.0 if valid else pattern.score


def _is_long(value: str) -> bool:
    """Tell whether `value` has the digits of a telephone number."""
    return sum(map(str.isdigit, value)) >= 7


def _raise_by_context(score: float, before: str, recogniser: "EntityRecognizer") -> float:
    """Return `score`, raised where one of the recogniser's context words is among the last words of `before`."""
    last_words = f" {' '.join(_words(before)[-CONTEXT_WORDS:])} "
    has_context = any(f" {' '.join(_words(word))} " in last_words for word in recogniser.context or [])
    return max(CONTEXT_MINIMUM, min(1.0, score + CONTEXT_BONUS)) if has_context else score


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@cache
def _patterns(kinds: tuple[str, ...]) -> list["EntityRecognizer"]:
    """Return the recognisers of `kinds` by pattern, of all countries."""
    import logging

    from presidio_analyzer import Pattern, PatternRecognizer, predefined_recognizers
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)  # it would log values that it cannot check
    numbers = [Pattern("abroad", ABROAD, 0.5), Pattern("american", AMERICAN, 0.4), Pattern("digits", DIGITS, 0.1)]
    recognisers = [
        PatternRecognizer("EMAIL_ADDRESS", name="addresses", patterns=[Pattern("address", EMAIL, 0.5)]),
        PatternRecognizer("PHONE_NUMBER", patterns=numbers, context=PHONE_WORDS),
        PhoneRecognizer(leniency=2, context=PHONE_WORDS),
    ]
    for name in sorted(predefined_recognizers.__all__):
        part = getattr(predefined_recognizers, name)
        if isinstance(part, type) and issubclass(part, PatternRecognizer) and name != "EmailRecognizer":
            recognisers.append(part())
    return [recogniser for recogniser in recognisers if set(recogniser.supported_entities) & set(kinds)]


@cache
def _models(kinds: tuple[str, ...]) -> list[tuple]:
    """Return the installed spaCy models, each with its recogniser, when `kinds` has one that no pattern finds.

    Raises UserError when no model is installed, or none has the kind.
    """
    wanted = set(kinds) - {kind for recogniser in _patterns(kinds) for kind in recogniser.supported_entities}
    if not wanted:
        return []
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    known = set(SpacyNlpEngine().get_supported_entities())
    if unknown := sorted(wanted - known):
        raise UserError(f"nothing finds {unknown[0]}: correct redact.kinds in params.yaml")
    models = []
    for model in sorted(entry_points(group="spacy_models"), key=lambda entry: entry.name):
        engine = SpacyNlpEngine()
        engine.nlp = {"en": spacy.load(model.name)}
        models.append((engine, SpacyRecognizer(supported_entities=sorted(wanted))))
    if not models:
        raise UserError(
            f"{min(wanted)} takes a spaCy language model, and none is installed: install one, such as en_core_web_sm, "
            "or take it out of redact.kinds in params.yaml"
        )
    return models
