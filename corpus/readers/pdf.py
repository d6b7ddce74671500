"""Reads PDF with PDFium: text in page order, page offsets, headings by font size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import pi
from typing import TYPE_CHECKING, Any

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date_of_pdf
from corpus.types import Document, ReadError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

# PDFium marks a word hyphenated at a line end by U+FFFE, some files by U+0002.
_HYPHENATED = re.compile("(?:\ufffe|\x02)\r?\n?")
# In line pitches of the page: a larger step starts a paragraph.
_PARAGRAPH_STEP = 1.4
# Minimum font size of a heading, relative to the body text.
_HEADING_SIZE = 1.15
# In radians.
_UPRIGHT = 0.1
# In code points.
_MAX_HEADING = 200
_MAX_PAGES = 20_000
# PDFium's error codes.
_PASSWORD, _SECURITY = 4, 5


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page. `size` (of the font, 0 if unknown) and `bottom` (from the page's bottom edge) are in points."""

    text: str
    size: float = 0.0
    bottom: float = 0.0


class PdfReader:
    """Reads the text layer; scanned pages have none."""

    def read(self, data: bytes, name: str) -> Document:
        pdf = _open(data, name)
        try:
            pages = [_lines(pdf, number, name) for number in range(len(pdf))]
            info = pdf.get_metadata_dict()
        finally:
            pdf.close()
        if not any(pages):
            raise ReadError(f"{name} has {len(pages)} pages without text, probably scanned; run an OCR program on it first")
        builder = _build_text(pages)
        without_text = sum(1 for page in pages if not page)
        created = iso_date_of_pdf(info.get("CreationDate", ""))
        return Document(
            text=builder.text,
            title=info.get("Title", ""),
            headings=builder.headings,
            pages=builder.pages,
            type="pdf",
            metadata=({"pages_without_text": without_text} if without_text else {}) | ({"created": created} if created else {}),
        )


def _open(data: bytes, name: str) -> PdfDocument:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
        count = len(pdf)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in (_PASSWORD, _SECURITY) or "password" in str(error).lower():
            raise ReadError(f"{name} is password-protected; save it without a password and add it again") from error
        raise ReadError(f"{name} is a damaged or truncated PDF file; download or save it again") from error
    if not 0 < count <= _MAX_PAGES:
        pdf.close()
        raise ReadError(f"{name} has {count} pages; the limits are 1 and {_MAX_PAGES}. Split it first")
    return pdf


def _lines(pdf: PdfDocument, number: int, name: str) -> list[_Line]:
    """The non-empty lines of a page; none if PDFium cannot load the page."""
    import pypdfium2

    try:
        text_page = pdf[number].get_textpage()
        text = text_page.get_text_range()
        # PDFium counts UTF-16 units: with characters outside the basic plane, its indices do not fit ours.
        indices_match = text_page.count_chars() == len(text)
    except pypdfium2.PdfiumError:
        return []
    lines, position = [], 0
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip())
        if line.strip():
            content = line.rstrip("\r\n")
            lines.append(_measure_line(text_page, position + indent, content) if indices_match else _Line(content))
        position += len(line)
    return lines


def _measure_line(text_page: Any, index: int, text: str) -> _Line:
    from pypdfium2 import raw

    _, bottom, _, top = text_page.get_charbox(index, loose=True)
    angle = raw.FPDFText_GetCharAngle(text_page.raw, index)
    upright = angle < _UPRIGHT or angle > 2 * pi - _UPRIGHT
    # Rotated text, such as a stamp in the margin, is not a heading.
    size = raw.FPDFText_GetFontSize(text_page.raw, index) or top - bottom if upright else 0.0
    return _Line(text, size, bottom)


def _build_text(pages: list[list[_Line]]) -> TextBuilder:
    levels = _heading_levels(pages)
    builder = TextBuilder()
    for page in pages:
        builder.start_page()
        for paragraph in _paragraphs(page):
            text = _HYPHENATED.sub("", "\n".join(line.text for line in paragraph))
            level = levels.get(round(paragraph[0].size))
            if level is not None and len(text) <= _MAX_HEADING and any(character.isalpha() for character in text):
                builder.heading(text, level)
            else:
                builder.block(text)
    return builder


def _heading_levels(pages: list[list[_Line]]) -> dict[int, int]:
    """Font size of headings -> level. Headings are larger than the most frequent size; the largest has level 1."""
    letters: Counter[int] = Counter()
    for page in pages:
        for line in page:
            letters[round(line.size)] += len(line.text)
    body = letters.most_common(1)[0][0]
    if not body:
        return {}
    larger = sorted((size for size in letters if size >= body * _HEADING_SIZE), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, start=1)}


def _paragraphs(page: list[_Line]) -> Iterator[list[_Line]]:
    """Group lines of one font size and line pitch. Lines of unknown position are one paragraph."""
    pitch = _pitch(page)
    paragraph: list[_Line] = []
    for line in page:
        if paragraph and _starts_paragraph(paragraph[-1], line, pitch):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _starts_paragraph(before: _Line, line: _Line, pitch: float) -> bool:
    if round(before.size) != round(line.size):
        return True
    step = before.bottom - line.bottom
    # A negative step goes to the next column, where the paragraph may continue.
    return step > _PARAGRAPH_STEP * max(pitch, line.size)


def _pitch(page: list[_Line]) -> float:
    """The distance between lines: the lower quartile of all steps, because some steps are between paragraphs."""
    steps = [before.bottom - line.bottom for before, line in pairwise(page)]
    steps_down = sorted(step for step, line in zip(steps, page, strict=False) if step > line.size / 2)
    return steps_down[len(steps_down) // 4] if steps_down else 0.0
