"""Read a book in EPUB: its chapters in reading order, a page each."""

import posixpath
from urllib.parse import unquote

from lxml import etree

from parts.corpus.archive import opened
from parts.corpus.encoding import decode
from parts.corpus.readers import html
from parts.corpus.unreadable import Unreadable

_CONTAINER = "META-INF/container.xml"


def read(data: bytes) -> tuple[str, str]:
    """Return the book's title and its chapters, joined by form feeds. Raises Unreadable where it cannot be opened."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    with opened(data) as archive:
        try:
            package_path = etree.fromstring(archive.read(_CONTAINER), parser).find(".//{*}rootfile").get("full-path")
            package = etree.fromstring(archive.read(package_path), parser)
            paths = {item.get("id"): item.get("href") for item in package.iterfind(".//{*}manifest/{*}item")}
            spine = [paths[item.get("idref")] for item in package.iterfind(".//{*}spine/{*}itemref")]
            folder = posixpath.dirname(package_path)
            chapters = [
                archive.read(posixpath.normpath(posixpath.join(folder, unquote(path)))) for path in dict.fromkeys(spine)
            ]  # each once: a spine of a thousand times one chapter would be a bomb
        except (etree.XMLSyntaxError, KeyError, AttributeError, TypeError) as error:
            raise Unreadable("broken", "is an EPUB file whose chapters cannot be found") from error
    title = package.findtext(".//{http://purl.org/dc/elements/1.1/}title") or ""
    return title, "\f".join(text for _, text in map(html.markdown, map(decode, chapters)) if text.strip())
