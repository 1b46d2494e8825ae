"""Read XML of any kind: the text of its elements, a line each."""

from collections.abc import Iterator

from lxml import etree

from parts.corpus.encoding import decode
from parts.corpus.unreadable import Unreadable


def read(data: bytes) -> tuple[str, str]:
    """Return an empty title and the text of all elements in order. Raises Unreadable for broken XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    text = decode(data)
    if text.lstrip().startswith("<?xml"):
        text = text[text.index("?>") + 2 :] if "?>" in text else text  # its encoding was that of the bytes
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("broken", "is XML that cannot be read") from error
    return "", "\n".join(line for each in _texts(root) if (line := " ".join(each.split()))) + "\n"


def _texts(element: etree._Element) -> Iterator[str]:
    """Yield the text in `element`, without entities: they may stand for a file, or for a billion laughs."""
    for event, each in etree.iterwalk(element, events=("start", "end")):
        if event == "start" and isinstance(each.tag, str):
            yield each.text or ""
        elif event == "end" and each is not element:
            yield each.tail or ""
