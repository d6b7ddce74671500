"""Reads PPTX: a page per slide, with its title as heading, then its shapes, tables, charts, diagrams and notes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from corpus.readers.builder import TextBuilder
from corpus.readers.office.drawings import append_chart, append_diagram
from corpus.readers.office.properties import office_properties
from corpus.readers.office.safe_xml import attribute, local, open_checked, parse_xml
from corpus.types import Document, ReadError

# Levels of nested groups.
_MAX_DEPTH = 20


class PptxReader:
    """Reads presentations with python-pptx."""

    def read(self, data: bytes, name: str) -> Document:
        archive = open_checked(data, name)
        title, metadata = office_properties(archive, name)
        from pptx import Presentation

        builder = TextBuilder()
        try:
            for slide in Presentation(io.BytesIO(data)).slides:
                builder.start_page()
                _slide(slide, builder)
        except Exception as error:  # the library raises errors of many kinds on damaged files
            raise ReadError(f"{name} is a damaged presentation ({type(error).__name__}: {error}); save it again") from error
        return Document(
            text=builder.text,
            title=title,
            headings=builder.headings,
            tables=builder.tables,
            pages=builder.pages,
            type="pptx",
            metadata=metadata,
        )


def _slide(slide: Any, builder: TextBuilder) -> None:
    title = slide.shapes.title
    if title is not None and title.has_text_frame:
        builder.heading(_clean(title.text_frame.text), 1)
    for shape in _shapes(slide.shapes, 0):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if getattr(shape, "has_table", False):
            builder.table(((cell.text for cell in row.cells) for row in shape.table.rows), 1 if shape.table.first_row else None)
        elif getattr(shape, "has_chart", False):
            append_chart(parse_xml(shape.chart.part.blob, "a chart"), builder)
        elif diagram := _diagram(shape):
            append_diagram(parse_xml(diagram, "a diagram"), builder)
        elif shape.has_text_frame:
            _paragraphs(shape.text_frame.paragraphs, builder)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        builder.block(_clean(slide.notes_slide.notes_text_frame.text))


def _diagram(shape: Any) -> bytes | None:
    """The part with the texts of a diagram (SmartArt)."""
    relations = (attribute(element, "dm") for element in shape.element.iter() if local(element) == "relIds")
    relation = next(relations, None)
    return shape.part.related_part(relation).blob if relation else None


def _shapes(shapes: Any, depth: int) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < _MAX_DEPTH:
                yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _paragraphs(paragraphs: Any, builder: TextBuilder) -> None:
    """Write paragraphs as lines of one block: most text boxes are lists, whose bullets are part of the layout."""
    add = builder.block
    for paragraph in paragraphs:
        text = _clean(paragraph.text).strip()
        if text:
            add("  " * min(paragraph.level, 8) + text)
            add = builder.line


def _clean(text: str) -> str:
    """Replace vertical tabs, the library's line breaks in a paragraph."""
    return text.replace("\v", "\n")
