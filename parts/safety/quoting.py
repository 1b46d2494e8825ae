"""Put text that nobody vouches for into a prompt as a quotation: documents, answers, what a teacher wrote."""

import re
from functools import cache

from parts.project import prompts
from parts.safety.unicode import fold

_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
# what chat templates put around messages: <|im_end|>, <start_of_turn>, </s>, <<SYS>>, [INST]
_TAGS = r"(?:start_of_turn|end_of_turn|bos|eos|s)\s*>|<[\s/]*sys\b|\|[^|<>\s]{1,40}\|\s*>"
_BRACKETS = r"(?:inst|system_prompt|available_tools|tool_results)\s*\]"
_WRITTEN = {"<": "&lt;", "[": "&#91;"}


def passage(heading: str, text: str) -> str:
    """Return a passage between its marks."""
    heading = _BREAKS.sub(" ", quoted(heading)).replace('"', "'")
    return prompts.render("passage", heading=heading, text=quoted(text)).strip()


def quoted(text: str) -> str:
    """Return `text` with the first character of whatever reads like a mark of ours, or of a chat template, written out.

    So it cannot end its quotation, in whatever letters it tries. All else stays as it is.
    """
    folded, places = fold(text)
    pieces, at = [], 0
    for found in _marks().finditer(folded):
        place = places[found.start()]
        pieces += [text[at:place], _WRITTEN[found[0]]]
        at = place + 1
    return "".join([*pieces, text[at:]])


@cache
def _marks() -> re.Pattern:
    """Return what finds the start of a mark: the prompts' own ones, those of chat templates."""
    own = {name for path in prompts.FOLDER.rglob("*.md") for name in re.findall(r"</(\w+)>", path.read_text())}
    ours = "|".join(sorted(own))
    return re.compile(rf"<(?=[\s/]*(?:(?:{ours})\b|{_TAGS}))|\[(?=[\s/]*{_BRACKETS})", re.IGNORECASE)
