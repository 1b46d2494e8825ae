"""Read a mail that Outlook saved (MSG): a compound file with a stream a property."""

import io

from parts.corpus.readers.mail import as_document
from parts.corpus.unreadable import Unreadable

_SUBJECT, _BODY, _SENDER, _TO, _CC, _ATTACHED = "0037", "1000", "0C1A", "0E04", "0E03", "3707"


def read(data: bytes) -> tuple[str, str]:
    """Return the subject and the mail as text. Raises Unreadable where it cannot be opened."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            head = {"From": _property(file, _SENDER), "To": _property(file, _TO), "Cc": _property(file, _CC)}
            folders = {path[0] for path in file.listdir() if path[0].startswith("__attach")}
            names = [name for folder in sorted(folders) if (name := _property(file, _ATTACHED, f"{folder}/"))]
            subject, body = _property(file, _SUBJECT), _property(file, _BODY)
    except (OSError, ValueError, IndexError) as error:
        raise Unreadable("broken", "is an Outlook mail that cannot be opened") from error
    return as_document(subject, {name: value for name, value in head.items() if value}, body, names)


def _property(file, number: str, folder: str = "") -> str:
    """Return a property in Unicode, or in the old 8 bits; nothing where there is none (MS-OXMSG 2.1)."""
    for kind, encoding in {"001F": "utf-16-le", "001E": "cp1252"}.items():
        stream = f"{folder}__substg1.0_{number}{kind}"
        if file.exists(stream):
            return file.openstream(stream).read().decode(encoding, "replace").rstrip("\0")
    return ""
