"""Recognise private things: Presidio's recognisers, made once, and the spaCy models that are installed.

Nothing here asks the network. Presidio's own recogniser of e-mail addresses does (its list of domains), knows no
address within a company's network and takes time by the square of a line's length; the pattern here does not.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import regex

from schemas.errors import UserError

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

Match = tuple[int, int, str, float]
"""start, end, kind, score"""

RAISE, RAISED, WORDS = 0.35, 0.4, 6  # a telling word among so many before a find adds to its score, as in Presidio

EMAIL = r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[^\W_]+(?:[.-]+[^\W_]+)*\.[^\W_]{2,}"
# +44 20 7946 0958, and (555) 123-4567: also numbers that no country has given out, as those of examples; a number may
# go on in the next line, but not behind a blank one
ABROAD = r"(?<![\w+])\+\d(?:(?!\n\n)[\s./()-]{0,2}\d){6,14}(?!\d)"
AMERICAN = r"(?<![\w.-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"
DIGITS = r"(?<![\w.])\(?\d(?:[ ./()-]{0,2}\d){6,14}(?!\w)"
CALLING = "phone telephone tel mobile cell cellphone fax call sms whatsapp telefon handy téléphone tél teléfono".split()


def recognise(text: str, kinds: tuple[str, ...], least: float) -> list[Match]:
    """Return what is private in `text`, of `kinds`, with a score of at least `least`; finds may overlap."""
    found = []
    bare = text.replace("_", " ")  # Markdown's emphasis is no part of a number
    for recogniser in _patterns(kinds):
        for start, end, kind, score in _matches(recogniser, text if recogniser.name == "addresses" else bare):
            if (score := _raised(score, text[max(0, start - 100) : start], recogniser)) >= least:
                found.append((start, end, kind, score))
    for engine, reader in _models(kinds):
        results = reader.analyze(text, list(kinds), engine.process_text(text, "en"))
        found += [(one.start, one.end, one.entity_type, one.score) for one in results if one.score >= least]
    return found


def _matches(recogniser: "EntityRecognizer", text: str) -> Iterator[Match]:
    """Yield what fits a recogniser's patterns and checks: all of it, where Presidio skips what a misfit overlaps."""
    if not hasattr(recogniser, "patterns"):
        results = recogniser.analyze(text, recogniser.supported_entities)
        yield from ((r.start, r.end, r.entity_type, r.score) for r in results if _long(text[r.start : r.end]))
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


def _long(value: str) -> bool:
    """Tell whether `value` has the digits of a telephone number."""
    return sum(map(str.isdigit, value)) >= 7


def _raised(score: float, before: str, recogniser: "EntityRecognizer") -> float:
    """Return `score`, raised where a word that goes with the kind stands shortly before."""
    said = f" {' '.join(_words(before)[-WORDS:])} "
    telling = any(f" {' '.join(_words(word))} " in said for word in recogniser.context or [])
    return max(RAISED, min(1.0, score + RAISE)) if telling else score


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@cache
def _patterns(kinds: tuple[str, ...]) -> list["EntityRecognizer"]:
    """Return the recognisers by pattern of `kinds`, of all countries."""
    import logging

    from presidio_analyzer import Pattern, PatternRecognizer, predefined_recognizers
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)  # it would tell values that it cannot check
    numbers = [Pattern("abroad", ABROAD, 0.5), Pattern("american", AMERICAN, 0.4), Pattern("digits", DIGITS, 0.1)]
    made = [
        PatternRecognizer("EMAIL_ADDRESS", name="addresses", patterns=[Pattern("address", EMAIL, 0.5)]),
        PatternRecognizer("PHONE_NUMBER", patterns=numbers, context=CALLING),
        PhoneRecognizer(leniency=2, context=CALLING),
    ]
    for name in sorted(predefined_recognizers.__all__):
        part = getattr(predefined_recognizers, name)
        if isinstance(part, type) and issubclass(part, PatternRecognizer) and name != "EmailRecognizer":
            made.append(part())
    return [recogniser for recogniser in made if set(recogniser.supported_entities) & set(kinds)]


@cache
def _models(kinds: tuple[str, ...]) -> list[tuple]:
    """Return the installed spaCy models, each with its reader, when `kinds` has one that no pattern finds.

    Raises Mistake when there is none, or no model knows the kind.
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
    found = []
    for model in sorted(entry_points(group="spacy_models"), key=lambda one: one.name):
        engine = SpacyNlpEngine()
        engine.nlp = {"en": spacy.load(model.name)}
        found.append((engine, SpacyRecognizer(supported_entities=sorted(wanted))))
    if not found:
        raise UserError(
            f"{min(wanted)} takes a spaCy language model, and none is installed: install one, such as en_core_web_sm, "
            "or take it out of redact.kinds in params.yaml"
        )
    return found
