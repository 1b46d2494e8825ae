"""Read text and Markdown."""

from schemas.errors import UserError


def read(data: bytes) -> tuple[str, str]:
    """Return no title and the text of a UTF-8 (or UTF-16 with its mark) file. Raises Mistake for bytes that are no text."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    return "", text.replace("\r\n", "\n").replace("\f", "\n")
