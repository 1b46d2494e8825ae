"""Write GitHub's Markdown, with text of documents and models in it that nobody vouches for."""

from collections.abc import Iterable, Sequence

_LIKE = str.maketrans({"`": "'", "|": "¦"})
"""The two marks that could end a code span or a table's cell, and what is written in their place."""


def code_span(text: str, most: int = 200) -> str:
    """Return `text` as a code span of one line, cut to `most` characters: nothing in it is markup, a link or a mention."""
    seen = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    cut = seen if len(seen) <= most else f"{seen[: most - 1]}…"
    return f"`{cut.translate(_LIKE)}`" if cut else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; the cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def details(summary: str, body: str) -> str:
    """Return `body` behind a line that unfolds it."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
