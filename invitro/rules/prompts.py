"""Read the pipeline's prompts: the passages quoted in one, and the number that it asks for."""

import re

from invitro.rules import sentences
from invitro.rules.sentences import Fact

_PASSAGE = re.compile(r'<passage from="(?P<heading>[^"\n]*)">\n(?P<text>.*?)\n</passage>', re.DOTALL)
_COUNT = re.compile(r"\b(?:up to|Name|Write) (\d+)\b")


def passages(prompt: str) -> list[tuple[str, list[Fact]]]:
    """Return each quoted passage as the title of its document and the facts in it; one without either if none is quoted."""
    titles = [(heading.split(" > ")[0].strip(), text) for heading, text in quoted(prompt)]
    return [(title, list(sentences.facts(title, text))) for title, text in titles] or [("", [])]


def quoted(prompt: str) -> list[tuple[str, str]]:
    """Return the heading and the text of each passage that the prompt quotes."""
    return [(match["heading"], match["text"]) for match in _PASSAGE.finditer(prompt)]


def number_wanted(prompt: str) -> int:
    """Return the number that the prompt asks for; 1 by default."""
    match = _COUNT.search(prompt)
    return int(match[1]) if match else 1
