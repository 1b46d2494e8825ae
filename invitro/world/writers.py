"""Write a document as Markdown, HTML, Word or PDF; the same document is the same bytes."""

import html
import io
import zipfile
from collections.abc import Callable

from invitro.world.documents import Block, markdown, table


def as_markdown(title: str, blocks: list[Block]) -> bytes:
    """Return a Markdown file."""
    return markdown(title, blocks).encode()


def as_html(title: str, blocks: list[Block]) -> bytes:
    """Return a page as an intranet would serve it, with a menu and a script that are no part of the text."""
    body = "\n".join(f"<h2>{block.heading}</h2>\n{_html(block)}" for block in blocks)
    page = (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        "<style>body { font-family: sans-serif }</style></head>\n<body>\n<nav><a href='/'>Home</a> <a href='/all'>All</a></nav>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}\n<script>console.log('read')</script>\n</body>\n</html>\n"
    )
    return page.encode()


def _html(block: Block) -> str:
    texts = [html.escape(line.text) for line in block.lines]
    if block.form == "steps":
        return "<ol>\n" + "\n".join(f"<li>{text}</li>" for text in texts) + "\n</ol>"
    if block.form == "table":
        head, rows = table(block)
        cells = [
            "".join(f"<th>{cell}</th>" for cell in head),
            *("".join(f"<td>{cell}</td>" for cell in row) for row in rows),
        ]
        return "<table>\n" + "\n".join(f"<tr>{row}</tr>" for row in cells) + "\n</table>"
    return f"<p>{' '.join(texts)}</p>"


def as_docx(title: str, blocks: list[Block]) -> bytes:
    """Return a Word document with headings, numbered lists and tables."""
    import docx

    document = docx.Document()
    document.core_properties.title = title
    document.add_heading(title, 1)
    for block in blocks:
        document.add_heading(block.heading, 2)
        if block.form == "paragraph":
            document.add_paragraph(" ".join(line.text for line in block.lines))
        elif block.form == "steps":
            for number, line in enumerate(block.lines, 1):
                document.add_paragraph(f"{number}. {line.text}")
        else:
            head, rows = table(block)
            grid = document.add_table(0, 2)
            for row in (head, *rows):
                for cell, text in zip(grid.add_row().cells, row, strict=True):
                    cell.text = text
    buffer = io.BytesIO()
    document.save(buffer)
    return _undated(buffer.getvalue())


def _undated(archive: bytes) -> bytes:
    """Return a zip archive with every entry's date set to the format's first day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            new.writestr(zipfile.ZipInfo(entry), old.read(entry), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def as_pdf(title: str, blocks: list[Block]) -> bytes:
    """Return a PDF of A5 pages with its title in the properties."""
    from reportlab.lib.pagesizes import A5
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    style = getSampleStyleSheet()
    story = [Paragraph(html.escape(title), style["Title"])]
    for block in blocks:
        story.append(Paragraph(block.heading, style["Heading2"]))
        if block.form == "table":
            head, rows = table(block)
            story.append(Table([head, *rows]))
        elif block.form == "steps":
            story += [
                Paragraph(f"{number}. {html.escape(line.text)}", style["Normal"])
                for number, line in enumerate(block.lines, 1)
            ]
        else:
            story.append(Paragraph(html.escape(" ".join(line.text for line in block.lines)), style["Normal"]))
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer, pagesize=A5, title=title, invariant=1).build(story)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[str, list[Block]], bytes]] = {
    ".md": as_markdown, ".html": as_html, ".docx": as_docx, ".pdf": as_pdf,
}  # fmt: skip
