"""Open a zip archive that a document is: only one that unpacks to a size that fits."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from parts.corpus.unreadable import Unreadable

LARGEST = 200_000_000  # bytes unpacked: a larger archive may be a zip bomb


@contextmanager
def opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    """Yield the archive in `data`. Raises Unreadable where it is broken, encrypted or unpacks to more than LARGEST."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > LARGEST:
                raise Unreadable("too large", f"unpacks to {size:,} bytes, more than the {LARGEST:,} allowed")
            if any(entry.flag_bits & 1 for entry in archive.infolist()):
                raise Unreadable("encrypted", "is locked by a password: save it without one")
            yield archive
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, KeyError, OSError) as error:
        raise Unreadable("broken", "is an archive that cannot be opened") from error
