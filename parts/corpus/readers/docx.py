"""Read a Word document as Markdown."""

import io
import zipfile

from parts.corpus.readers import html
from parts.project.errors import UserError

LARGEST = 200_000_000  # bytes unpacked: a larger archive may be a zip bomb


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the file as Markdown. Raises UserError if it is not DOCX or unpacks to more than LARGEST."""
    import mammoth

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            members = archive.namelist()
    except zipfile.BadZipFile as error:
        raise UserError("is not a DOCX file (no zip archive)") from error
    if size > LARGEST:
        raise UserError(f"unpacks to {size:,} bytes, more than the {LARGEST:,} allowed")
    if "word/document.xml" not in members:
        raise UserError("is not a DOCX file (no word/document.xml)")
    page = mammoth.convert_to_html(
        io.BytesIO(data), convert_image=mammoth.images.img_element(lambda image: {"src": ""})
    )
    return html.read(page.value.encode())
