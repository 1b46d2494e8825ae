"""Read a Word document as Markdown."""

import io
import zipfile

from parts.corpus.readers import html
from schemas.errors import UserError

LARGEST = 200_000_000  # bytes unpacked: more in one document is a bomb or a film


def read(data: bytes) -> tuple[str, str]:
    """Return no title and a DOCX file as Markdown. Raises Mistake for a file that is not one, or that unpacks to too much."""
    import mammoth

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            named = archive.namelist()
    except zipfile.BadZipFile as error:
        raise UserError("is not a DOCX file (no zip archive)") from error
    if size > LARGEST:
        raise UserError(f"unpacks to {size:,} bytes, more than the {LARGEST:,} allowed")
    if "word/document.xml" not in named:
        raise UserError("is not a DOCX file (no word/document.xml)")
    page = mammoth.convert_to_html(
        io.BytesIO(data), convert_image=mammoth.images.img_element(lambda image: {"src": ""})
    )
    return html.read(page.value.encode())
