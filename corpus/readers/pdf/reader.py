"""Reads PDF with PDFium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date_of_pdf
from corpus.readers.pdf.columns import in_reading_order
from corpus.readers.pdf.furniture import drop_furniture
from corpus.readers.pdf.hyphens import Words
from corpus.readers.pdf.page_lines import Line, page_lines
from corpus.readers.pdf.paragraphs import Fonts, blocks
from corpus.readers.pdf.rules import Rules, column_edges, count_objects, page_rules
from corpus.readers.pdf.tables import find_tables
from corpus.types import OCR, Document, MetadataValue, NeedsOcr, ReadError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

_MAX_PAGES = 20_000
# Pages read by OCR: an hour and a half at six seconds each.
_MAX_SCANNED = 1_000
# PDFium's error codes.
_PASSWORD, _SECURITY = 4, 5


@dataclass(frozen=True, slots=True)
class _Page:
    """What PDFium reads of a page. `is_drawn`: it has text or drawings."""

    lines: list[Line]
    rules: Rules
    is_drawn: bool


class PageRecogniser(Protocol):
    """Reads the image of a page of PDFium."""

    def page(self, page: Any) -> Sequence[str]:
        """The paragraphs on the page."""
        ...


class PdfReader:
    """Reads the text layer, and pages without one by the recogniser, if there is one."""

    def __init__(self, recogniser: PageRecogniser | None = None) -> None:
        self._recogniser = recogniser

    def read(self, data: bytes, name: str) -> Document:
        pdf = open_pdf(data, name)
        try:
            read_pages = [_read_page(pdf, number) for number in range(len(pdf))]
            pages = [page.lines for page in read_pages]
            scanned = self._recognise(pdf, name, [number for number, page in enumerate(pages) if not page])
            info = pdf.get_metadata_dict()
        finally:
            pdf.close()
        if not any(pages) and not scanned:
            what = f"{name} has {len(pages)} page{'s' * (len(pages) > 1)} without text"
            if self._recogniser:
                raise ReadError(
                    f"{what}, and OCR finds none in {'them' if len(pages) > 1 else 'it'}; there is nothing to search"
                )
            raise NeedsOcr(f"{what}, probably scanned")
        builder = _build(read_pages, scanned)
        return Document(
            text=builder.text,
            title=info.get("Title", ""),
            headings=builder.headings,
            tables=builder.tables,
            pages=builder.pages,
            type="pdf",
            metadata=_metadata(read_pages, scanned, info),
        )

    def _recognise(self, pdf: PdfDocument, name: str, numbers: Sequence[int]) -> dict[int, Sequence[str]]:
        """The paragraphs of the pages that have some."""
        if not self._recogniser:
            return {}
        if len(numbers) > _MAX_SCANNED:
            raise ReadError(f"{name} has {len(numbers)} pages without text; OCR reads {_MAX_SCANNED} of a file. Split it first")
        return {number: found for number in numbers if (found := self._recogniser.page(pdf[number]))}


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


def _read_page(pdf: PdfDocument, number: int) -> _Page:
    import pypdfium2

    try:
        page = pdf[number]
        rules = page_rules(page)
        return _Page(page_lines(page, column_edges(rules)), rules, count_objects(page) > 0)
    except pypdfium2.PdfiumError:
        return _Page([], Rules(), True)


def _metadata(
    pages: Sequence[_Page], scanned: Mapping[int, Sequence[str]], info: Mapping[str, str]
) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    unread = [number for number, page in enumerate(pages) if page.is_drawn and not page.lines and number not in scanned]
    if unread:
        metadata["pages_without_text"] = len(unread)
    if scanned:
        metadata[OCR] = "all pages" if not any(page.lines for page in pages) else _named_pages(sorted(scanned))
    if created := iso_date_of_pdf(info.get("CreationDate", "")):
        metadata["created"] = created
    return metadata


def _named_pages(numbers: Sequence[int]) -> str:
    """Pages by their numbers from 1: "page 2", "pages 2, 5–7 and 9"."""
    runs: list[list[int]] = []
    for number in numbers:
        if not runs or number > runs[-1][-1] + 1:
            runs.append([])
        runs[-1].append(number)
    *first, last = [f"{run[0] + 1}–{run[-1] + 1}" if len(run) > 1 else str(run[0] + 1) for run in runs]
    return f"pages {', '.join(first)} and {last}" if first else f"page{'s' * (len(numbers) > 1)} {last}"


def _build(read_pages: Sequence[_Page], scanned: Mapping[int, Sequence[str]]) -> TextBuilder:
    pages = drop_furniture([page.lines for page in read_pages])
    fonts, words = Fonts.of(pages), Words(pages)
    builder = TextBuilder()
    for number, page in enumerate(pages):
        builder.start_page()
        for paragraph in scanned.get(number, ()):
            builder.block(paragraph)
        lines = in_reading_order(page)
        in_table = {id(line): table for table in find_tables(lines, read_pages[number].rules, words) for line in table.lines}
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
