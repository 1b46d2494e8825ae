"""Render the page: one HTML file that loads nothing, and in which no text of a document can become markup.

Jinja escapes every text; the questions are JSON in which no tag can begin; the script sets them as text; and the page's
Content Security Policy allows its own style and script, by their hashes, and no address.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parts.page.charts import arm_colours
from parts.page.figures import Figure

FOLDER = Path(__file__).parent


def document(exam: dict, **values: object) -> str:
    """Return the page of a run as HTML; `exam`: what questions.exam returns; `values`: what else index.html.j2 names."""
    script = (FOLDER / "page.js").read_text()
    return _render("index.html.j2", script=Markup(script), data=in_script(exam), exam=exam, **values)  # noqa: S704


def experiments_document(figures: Sequence[Figure]) -> str:
    """Return the page of the experiments as HTML."""
    return _render("experiments.html.j2", figures=figures, colours=arm_colours())


def _render(template: str, script: str = "", **values: object) -> str:
    """Return a template of this folder rendered, with a policy that allows only its style and `script`."""
    style = (FOLDER / "page.css").read_text()
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    templates = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template(template).render(policy=policy, style=Markup(style), script=script, **values)  # noqa: S704


def in_script(value: object) -> Markup:
    """Return `value` as JSON for a script element: nothing in it can end the element, or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _digest(text: str) -> str:
    """Return the hash of `text` as a source of a Content Security Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
