"""Tell which reader a file takes: by its content, and by its name where the content is plain text."""

import io
import re
from pathlib import PurePath

from parts.corpus.archive import opened
from parts.corpus.encoding import decode
from parts.corpus.unreadable import Unreadable

_MEMBERS = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_MIMETYPES = {b"application/epub+zip": "epub", b"application/vnd.oasis.opendocument.text": "odt"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # begins a compound file: old Office formats, mail, encrypted new ones
_STREAMS = {
    "WordDocument": "an old Word file: save it as DOCX", "Workbook": "an old Excel file: save it as XLSX",
    "Book": "an old Excel file: save it as XLSX", "PowerPoint Document": "an old PowerPoint file: save it as PPTX",
}  # fmt: skip
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8")
_SUFFIXES = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".xml": "xml", ".csv": "table", ".tsv": "table", ".json": "records",
    ".jsonl": "records", ".ndjson": "records", ".ipynb": "notebook", ".eml": "mail",
}  # fmt: skip
_HTML = re.compile(r"\s{0,100}(?:<\?xml[^>]{0,200}\?>\s{0,100})?<(?:!doctype html|html)\b", re.IGNORECASE)
_MAIL = re.compile(r"(?:[A-Za-z][A-Za-z-]{1,40}:[^\n]{0,1000}\n(?:[ \t][^\n]{0,1000}\n){0,50}){2}")
_MAIL_FIELDS = re.compile(r"^(?:from|to|subject|date|message-id|received|mime-version):", re.IGNORECASE | re.MULTILINE)


def reader_of(name: str, data: bytes) -> str:
    """Return the module of parts/corpus/readers that reads the file `name`. Raises Unreadable where none does."""
    if data[:1024].lstrip().startswith(b"%PDF-") or (b"%PDF-" in data[:1024] and b"%%EOF" in data[-2048:]):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _of_archive(data)
    if data.startswith(_OLE):
        return _of_compound(data)
    if data.startswith(rb"{\rtf"):
        return "rtf"
    if data.startswith(_IMAGES):
        return "image"
    return _of_text(PurePath(name).suffix.lower(), data)


def _of_archive(data: bytes) -> str:
    with opened(data) as archive:
        members = set(archive.namelist())
        mimetype = archive.read("mimetype").strip() if "mimetype" in members else b""
    reader = _MIMETYPES.get(mimetype) or next((kind for member, kind in _MEMBERS.items() if member in members), None)
    if not reader:
        raise Unreadable("unsupported", "is an archive of a kind that is not read: unpack it")
    return reader


def _of_compound(data: bytes) -> str:
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            streams = {path[0] for path in file.listdir()}
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise Unreadable("broken", "is an old Office file that cannot be opened") from error
    if streams & {"EncryptedPackage", "EncryptionInfo"}:
        raise Unreadable("encrypted", "is locked by a password: save it without one")
    if "__properties_version1.0" in streams:
        return "outlook"
    known = [words for stream, words in _STREAMS.items() if stream in streams]
    raise Unreadable("unsupported", f"is {known[0] if known else 'a compound file of an unknown kind'}")


def _of_text(suffix: str, data: bytes) -> str:
    start = decode(data)[:4096]
    if _HTML.match(start):
        return "html"
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if start.lstrip().startswith("<?xml"):
        return "xml"
    if suffix not in (".md", ".markdown") and _MAIL.match(start) and len(_MAIL_FIELDS.findall(start)) >= 2:
        return "mail"
    return "plain"
