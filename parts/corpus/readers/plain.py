"""Read text and Markdown."""

from parts.corpus.encoding import decode


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the text. Raises Unreadable for bytes that are no text."""
    return "", decode(data).replace("\r\n", "\n").replace("\f", "\n")
