"""PDF, by PDFium: text in the order of its pages, where each page starts, headings by the size of their letters."""

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

# PDFium puts U+FFFE (and some files U+0002) where a word was hyphenated at the end of a line.
_HYPHENATED = re.compile("(?:\ufffe|\x02)\r?\n?")
# In line pitches of the page: a larger step down than this starts a paragraph.
_PARAGRAPH_STEP = 1.4
# A heading's letters are at least so many times as large as those of most of the text.
_HEADING_SIZE = 1.15
# In radians.
_UPRIGHT = 0.1
# In code points.
_LONGEST_HEADING = 200
_MOST_PAGES = 20_000
_JUNK_TITLE = re.compile(
    r"^(?:untitled.*|microsoft word\b.*|powerpoint presentation|.*\.(?:docx?|pdf|indd|qxd|tex|dvi|ps|rtf|pptx?|xlsx?))$",
    re.IGNORECASE,
)
# PDFium's own error codes.
_PASSWORD, _SECURITY = 4, 5


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page; sizes and places in points, measured from the bottom of the page. Size 0 where not known."""

    text: str
    size: float = 0.0
    bottom: float = 0.0


class PdfReader:
    """Reads the text a PDF file holds; what is only a picture of text is not read."""

    def read(self, data: bytes, name: str) -> Document:
        pdf = _opened(data, name)
        try:
            pages = [_lines(pdf, number, name) for number in range(len(pdf))]
            written = pdf.get_metadata_dict()
        finally:
            pdf.close()
        if not any(pages):
            raise ReadError(
                f"{name} holds pictures of its {len(pages)} pages but no text; recognise the text with an OCR program first"
            )
        builder = _built(pages)
        without_text = sum(1 for page in pages if not page)
        return Document(
            text=builder.text,
            title=_title(written.get("Title", ""), builder),
            headings=builder.headings,
            pages=builder.pages,
            date=iso_date_of_pdf(written.get("CreationDate", "")),
            type="pdf",
            metadata={"pages_without_text": without_text} if without_text else {},
        )


def _opened(data: bytes, name: str) -> PdfDocument:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
        count = len(pdf)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in (_PASSWORD, _SECURITY) or "password" in str(error).lower():
            raise ReadError(f"{name} is protected by a password; save it without one and add it again") from error
        raise ReadError(f"{name} is a damaged or truncated PDF file; fetch or save it again") from error
    if not 0 < count <= _MOST_PAGES:
        pdf.close()
        raise ReadError(f"{name} has {count} pages; from 1 to {_MOST_PAGES} can be read")
    return pdf


def _lines(pdf: PdfDocument, number: int, name: str) -> list[_Line]:
    """The lines of one page that hold text; none for a page that PDFium cannot load."""
    import pypdfium2

    try:
        text_page = pdf[number].get_textpage()
        text = text_page.get_text_range()
        # Characters outside the first plane are one code point here and two characters there: then places are not known.
        placed = text_page.count_chars() == len(text)
    except pypdfium2.PdfiumError:
        return []
    lines, position = [], 0
    for line in text.splitlines(keepends=True):
        first = len(line) - len(line.lstrip())
        if line.strip():
            whole = line.rstrip("\r\n")
            lines.append(_placed_line(text_page, position + first, whole) if placed else _Line(whole))
        position += len(line)
    return lines


def _placed_line(text_page: Any, index: int, text: str) -> _Line:
    from pypdfium2 import raw

    _, bottom, _, top = text_page.get_charbox(index, loose=True)
    angle = raw.FPDFText_GetCharAngle(text_page.raw, index)
    upright = angle < _UPRIGHT or angle > 2 * pi - _UPRIGHT
    # A stamp along the margin is no heading, however large.
    size = raw.FPDFText_GetFontSize(text_page.raw, index) or top - bottom if upright else 0.0
    return _Line(text, size, bottom)


def _built(pages: list[list[_Line]]) -> TextBuilder:
    levels = _heading_levels(pages)
    builder = TextBuilder()
    for page in pages:
        builder.start_page()
        for paragraph in _paragraphs(page):
            text = _HYPHENATED.sub("", "\n".join(line.text for line in paragraph))
            level = levels.get(round(paragraph[0].size))
            if level is not None and len(text) <= _LONGEST_HEADING and any(character.isalpha() for character in text):
                builder.heading(text, level)
            else:
                builder.block(text)
    return builder


def _heading_levels(pages: list[list[_Line]]) -> dict[int, int]:
    """The sizes that only headings have, with the level of each: the largest is 1."""
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
    """Runs of lines of one size and pitch. Lines whose places are not known are one paragraph."""
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
    # Upwards is the next column, where the paragraph may well go on.
    return step > _PARAGRAPH_STEP * max(pitch, line.size)


def _pitch(page: list[_Line]) -> float:
    """The usual distance from one line to the next: the lower quartile, as the steps between paragraphs are no lines."""
    steps = [before.bottom - line.bottom for before, line in pairwise(page)]
    usual = sorted(step for step, line in zip(steps, page, strict=False) if step > line.size / 2)
    return usual[len(usual) // 4] if usual else 0.0


def _title(written: str, builder: TextBuilder) -> str:
    """The title the file was given, unless a program made it up; else the first of its highest headings on the first page."""
    written = " ".join(written.replace("\0", "").split())
    if len(written) > 3 and not _JUNK_TITLE.match(written):
        return written
    end = builder.pages[1] if len(builder.pages) > 1 else len(builder.text)
    first = [heading for heading in builder.headings if heading.start < end]
    return min(first, key=lambda heading: heading.level).title if first else ""
