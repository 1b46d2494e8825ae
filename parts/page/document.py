"""Put the page together: one HTML file that loads nothing, and that no text in it can add to.

Every text is escaped by Jinja, the questions are JSON in which no tag can begin, the script shows them as text, and the
page's own policy allows its style and script alone, by their hashes, and no address at all.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parts.page.figures import Figure

FOLDER = Path(__file__).parent


def document(exam: dict, **values: object) -> str:
    """Return the page of a run: `exam` (questions.exam), and what else index.html.j2 shows."""
    script = (FOLDER / "page.js").read_text()
    return _render("index.html.j2", script=Markup(script), data=in_script(exam), exam=exam, **values)  # noqa: S704


def experiments_document(figures: Sequence[Figure]) -> str:
    """Return the page of the experiments."""
    return _render("experiments.html.j2", figures=figures)


def _render(template: str, script: str = "", **values: object) -> str:
    """Return a template of this folder, filled in, with the policy that allows its style and `script` alone."""
    style = (FOLDER / "page.css").read_text()
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    pages = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return pages.get_template(template).render(policy=policy, style=Markup(style), script=script, **values)  # noqa: S704


def in_script(value: object) -> Markup:
    """Return `value` as JSON that may stand in a script element: nothing in it can end that, or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
