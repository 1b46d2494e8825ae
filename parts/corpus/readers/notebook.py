"""Read a Jupyter notebook: its text as Markdown, its code between fences, without outputs."""

import json

from parts.corpus.encoding import decode
from parts.corpus.unreadable import Unreadable


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the cells as Markdown. Raises Unreadable for what is no notebook."""
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(decode(data))["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable("broken", "is no notebook that can be read") from error
    return "", "\n\n".join(
        f"```\n{text}\n```" if kind == "code" else text for kind, text in cells if text.strip()
    ) + "\n"
