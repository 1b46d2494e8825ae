"""Put the page together: one HTML file that loads nothing, and that no text in it can add to.

Every text is escaped by Jinja, the questions are JSON in which no tag can begin, the script shows them as text, and the
page's own policy allows its style and script alone, by their hashes, and no address at all.
"""

import base64
import hashlib
import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).parent


def document(exam: dict, **shown: object) -> str:
    """Return the page with `exam` (questions.exam) and whatever else index.html.j2 shows."""
    style, script = ((FOLDER / name).read_text() for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    pages = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    trusted = {"style": Markup(style), "script": Markup(script), "data": in_script(exam), "svg": Markup}  # noqa: S704
    return pages.get_template("index.html.j2").render(policy=policy, exam=exam, **trusted, **shown)


def in_script(value: object) -> Markup:
    """Return `value` as JSON that may stand in a script element: nothing in it can end that, or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
