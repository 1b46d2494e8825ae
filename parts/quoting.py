"""Put text that nobody vouches for into a prompt as a quotation: documents, answers, what a teacher wrote."""

import re

from parts import prompts

_MARK = re.compile(r"<(/?)(passage|strategy|entities|question|reference|answer)\b", re.IGNORECASE)


def passage(heading: str, text: str) -> str:
    """Return a passage between its marks."""
    return prompts.render("passage", heading=quoted(heading).replace('"', "'"), text=quoted(text)).strip()


def quoted(text: str) -> str:
    """Return `text` with anything that looks like one of our marks broken by a space, so that it cannot end its quotation."""
    return _MARK.sub(r"<\1 \2", text)
