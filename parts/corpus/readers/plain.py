"""Read text and Markdown."""

from parts.project.errors import UserError


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the text, UTF-8 or UTF-16 with a byte order mark. Raises UserError for other bytes."""
    has_utf16_mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if has_utf16_mark else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    return "", text.replace("\r\n", "\n").replace("\f", "\n")
