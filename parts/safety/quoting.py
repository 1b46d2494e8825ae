"""Quote untrusted text in a prompt: documents, answers, the teacher's own replies."""

import re
from functools import cache

from parts.project import prompts
from parts.safety.unicode import fold

_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
# the tags of chat templates: <|im_end|>, <start_of_turn>, </s>, <<SYS>>, [INST]
_TAGS = r"(?:start_of_turn|end_of_turn|bos|eos|s)\s*>|<[\s/]*sys\b|\|[^|<>\s]{1,40}\|\s*>"
_BRACKETS = r"(?:inst|system_prompt|available_tools|tool_results)\s*\]"
_ENTITIES = {"<": "&lt;", "[": "&#91;"}


def passage(heading: str, text: str) -> str:
    """Return a passage between its tags."""
    heading = _BREAKS.sub(" ", quoted(heading)).replace('"', "'")
    return prompts.render("shared/passage", heading=heading, text=quoted(text)).strip()


def quoted(text: str) -> str:
    """Return `text` with the first character of every tag of the prompts and of chat templates as an HTML entity.

    So the text cannot end its quotation, in whatever look-alike letters. Everything else is unchanged.
    """
    folded, indices = fold(text)
    pieces, end = [], 0
    for match in _tags().finditer(folded):
        start = indices[match.start()]
        pieces += [text[end:start], _ENTITIES[match[0]]]
        end = start + 1
    return "".join([*pieces, text[end:]])


@cache
def _tags() -> re.Pattern:
    """Return a pattern of the first character of a tag, of the prompts or of chat templates."""
    names = {name for path in prompts.FOLDER.rglob("*.md") for name in re.findall(r"</(\w+)>", path.read_text())}
    own = "|".join(sorted(names))
    return re.compile(rf"<(?=[\s/]*(?:(?:{own})\b|{_TAGS}))|\[(?=[\s/]*{_BRACKETS})", re.IGNORECASE)
