"""Read rich text."""

from parts.corpus.unreadable import Unreadable


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the text. Raises Unreadable where it cannot be read."""
    from striprtf.striprtf import rtf_to_text

    try:
        return "", rtf_to_text(data.decode("ascii", "ignore"), encoding="cp1252", errors="ignore")
    except (ValueError, IndexError, LookupError, UnicodeError) as error:
        raise Unreadable("broken", "is an RTF file that cannot be read") from error
