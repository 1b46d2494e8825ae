"""Read prompt templates from prompts/: plain text with string.Template placeholders."""

import hashlib
from functools import cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent.parent.parent / "prompts"


@cache
def template(name: str) -> Template:
    """Return the template prompts/`name`.md."""
    return Template((FOLDER / f"{name}.md").read_text())


def render(name: str, **fields: object) -> str:
    """Return prompts/`name`.md with every placeholder filled. Raises KeyError for a missing field."""
    return template(name).substitute(fields)


def digest(name: str) -> str:
    """Return the first eight hexadecimal digits of the SHA-256 of prompts/`name`.md."""
    return hashlib.sha256(template(name).template.encode()).hexdigest()[:8]
