"""Reads PDF with PDFium."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date_of_pdf
from corpus.readers.pdf.columns import in_reading_order
from corpus.readers.pdf.furniture import drop_furniture
from corpus.readers.pdf.hyphens import Words
from corpus.readers.pdf.page_lines import Line, page_lines
from corpus.readers.pdf.paragraphs import Fonts, blocks
from corpus.readers.pdf.tables import find_tables
from corpus.types import Document, ReadError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

_MAX_PAGES = 20_000
# PDFium's error codes.
_PASSWORD, _SECURITY = 4, 5


class PdfReader:
    """Reads the text layer; scanned pages have none."""

    def read(self, data: bytes, name: str) -> Document:
        pdf = open_pdf(data, name)
        try:
            pages = [_page_lines(pdf, number) for number in range(len(pdf))]
            info = pdf.get_metadata_dict()
        finally:
            pdf.close()
        if not any(pages):
            raise ReadError(f"{name} has {len(pages)} pages without text, probably scanned; run an OCR program on it first")
        builder = _build(pages)
        without_text = sum(1 for page in pages if not page)
        created = iso_date_of_pdf(info.get("CreationDate", ""))
        return Document(
            text=builder.text,
            title=info.get("Title", ""),
            headings=builder.headings,
            tables=builder.tables,
            pages=builder.pages,
            type="pdf",
            metadata=({"pages_without_text": without_text} if without_text else {}) | ({"created": created} if created else {}),
        )


def open_pdf(data: bytes, name: str) -> PdfDocument:
    """Raises ReadError for a file that is protected, damaged or has too many pages."""
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


def _page_lines(pdf: PdfDocument, number: int) -> list[Line]:
    import pypdfium2

    try:
        return page_lines(pdf[number])
    except pypdfium2.PdfiumError:
        return []


def _build(pages: Sequence[list[Line]]) -> TextBuilder:
    pages = drop_furniture(pages)
    fonts, words = Fonts.of(pages), Words(pages)
    builder = TextBuilder()
    for page in pages:
        builder.start_page()
        lines = in_reading_order(page)
        in_table = {id(line): table for table in find_tables(lines) for line in table.lines}
        text: list[Line] = []
        for line in lines:
            table = in_table.get(id(line))
            if table is None:
                text.append(line)
            elif table.rows:
                _write(text, fonts, words, builder)
                text = []
                builder.table(table.rows, head_rows=None)
                table.rows.clear()
        _write(text, fonts, words, builder)
    return builder


def _write(lines: Sequence[Line], fonts: Fonts, words: Words, builder: TextBuilder) -> None:
    for block in blocks(lines, fonts, words):
        if block.level is None:
            builder.block(block.text)
        else:
            builder.heading(block.text, block.level)
