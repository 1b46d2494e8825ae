"""Read the text of a PDF, a form feed between pages."""

from parts.errors import Mistake


def read(data: bytes) -> tuple[str, str]:
    """Return the title in its properties and the text of its pages, joined by form feeds.

    Raises Mistake for a broken, locked or textless PDF.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "assword" in str(error)
        raise Mistake("is locked by a password" if locked else "is not a PDF that can be opened") from error
    try:
        title = document.get_metadata_value("Title").strip()
        pages = [_text(document, number) for number in range(len(document))]
    finally:
        document.close()
    if not any(page.strip() for page in pages):
        raise Mistake("has no text (a scan?): run an OCR tool over it first")
    return title, "\f".join(pages)


def _text(document, number: int) -> str:
    page = document[number]
    words = page.get_textpage()
    text = words.get_text_bounded()
    words.close()
    page.close()
    return text.replace("\r\n", "\n").replace("\f", "\n").replace("\ufffe", "")
