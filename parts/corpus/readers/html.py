"""Read HTML as Markdown: headings, lists and tables stay; scripts, styles and navigation go."""

from bs4 import BeautifulSoup
from markdownify import MarkdownConverter

from schemas.errors import UserError

UNREAD = ("script", "style", "noscript", "template", "nav", "svg", "iframe", "head")


def read(data: bytes) -> tuple[str, str]:
    """Return the <title> and the body as Markdown; the charset is found as a browser would. Raises Mistake for binary data."""
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError("is not HTML (it holds zero bytes)")
    page = BeautifulSoup(data, "lxml")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for tag in page(UNREAD):
        tag.decompose()
    told = {"heading_style": "ATX", "escape_misc": False, "strip": ["a", "img"], "table_infer_header": True}
    text = MarkdownConverter(**told).convert_soup(page)
    lines = [line.rstrip() for line in text.replace("\f", "\n").splitlines()]
    return title, "\n".join(line for at, line in enumerate(lines) if line or (at and lines[at - 1])).strip() + "\n"
