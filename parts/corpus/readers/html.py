"""Read HTML as Markdown: keep headings, lists and tables; drop scripts, styles and navigation."""

from bs4 import BeautifulSoup
from markdownify import MarkdownConverter

from parts.project.errors import UserError

DROPPED = ("script", "style", "noscript", "template", "nav", "svg", "iframe", "head")


def read(data: bytes) -> tuple[str, str]:
    """Return the <title> and the body as Markdown, in the charset that a browser would use. Raises UserError for binary data."""
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError("is not HTML (it holds zero bytes)")
    page = BeautifulSoup(data, "lxml")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for tag in page(DROPPED):
        tag.decompose()
    options = {"heading_style": "ATX", "escape_misc": False, "strip": ["a", "img"], "table_infer_header": True}
    text = MarkdownConverter(**options).convert_soup(page)
    lines = [line.rstrip() for line in text.replace("\f", "\n").splitlines()]
    return title, "\n".join(line for n, line in enumerate(lines) if line or (n and lines[n - 1])).strip() + "\n"
