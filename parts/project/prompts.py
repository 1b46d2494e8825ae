"""Read what we say to models from prompts/: plain text with string.Template placeholders."""

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
    """Return prompts/`name`.md with every placeholder filled; a missing one raises KeyError."""
    return template(name).substitute(fields)


def digest(name: str) -> str:
    """Return eight hexadecimal digits that are others as soon as prompts/`name`.md says something else."""
    return hashlib.sha256(template(name).template.encode()).hexdigest()[:8]
