"""Write GitHub's Markdown with untrusted text in it, of documents and models."""

from collections.abc import Iterable, Sequence

_REPLACEMENTS = str.maketrans({"`": "'", "|": "¦"})
"""for the two marks that could end a code span or a table's cell"""


def code_span(text: str, max_length: int = 200) -> str:
    """Return `text` as a code span of one line, in which nothing is markup, a link or a mention; "-" for an empty one."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    cut = line if len(line) <= max_length else f"{line[: max_length - 1]}…"
    return f"`{cut.translate(_REPLACEMENTS)}`" if cut else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def details(summary: str, body: str) -> str:
    """Return `body` folded away behind the line `summary`."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
