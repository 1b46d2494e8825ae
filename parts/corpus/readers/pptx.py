"""Read a PowerPoint presentation: a page a slide, its title as a heading."""

import io
from collections.abc import Iterator
from zipfile import BadZipFile

from parts.corpus.unreadable import Unreadable
from parts.text.markdown import table


def read(data: bytes) -> tuple[str, str]:
    """Return the title of its properties and the slides, joined by form feeds. Raises Unreadable where it cannot be opened."""
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    try:
        presentation = Presentation(io.BytesIO(data))
        slides = ["\n\n".join(_blocks(slide)) for slide in presentation.slides]
        return presentation.core_properties.title or "", "\n\f".join(slides)
    except (PythonPptxError, BadZipFile, KeyError, ValueError, AttributeError, IndexError, SyntaxError) as error:
        raise Unreadable("broken", "is a PPTX file that cannot be read") from error


def _blocks(slide) -> Iterator[str]:
    """Yield the title of a slide, the text of its shapes in reading order, its tables, and the speaker's notes."""
    title = slide.shapes.title
    if title is not None and title.text_frame.text.strip():
        yield f"## {' '.join(title.text_frame.text.split())}"
    shapes = [shape for shape in _all(slide.shapes) if title is None or shape.shape_id != title.shape_id]
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if getattr(shape, "has_table", False) and shape.has_table:
            rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows]
            yield table(rows[0], rows[1:])
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield "\n".join(paragraph.text for paragraph in shape.text_frame.paragraphs if paragraph.text.strip())
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) and notes.text.strip():
        yield notes.text.strip()


def _all(shapes) -> Iterator:
    for shape in shapes:
        if hasattr(shape, "shapes"):  # a group
            yield from _all(shape.shapes)
        else:
            yield shape
