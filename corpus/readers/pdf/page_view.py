"""A page of a PDF file as an image, and the boxes of quoted words on it, from PDFium."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from ctypes import byref, c_double, c_int, string_at
from dataclasses import dataclass
from math import sqrt
from typing import Any

from corpus.readers.pdf.boxes import quoted_characters
from corpus.readers.pdf.page_lines import characters, lines_of
from corpus.readers.pdf.reader import open_pdf
from corpus.readers.pdf.rules import column_edges, page_rules
from corpus.types import ReadError, Span

# Of an image: an A4 page has about 150 pixels per inch.
MAX_PIXELS, MAX_SIDE = 2_200_000, 4_000
# In pixels, around the letters in a box.
_MARGIN = 2
# Left, top, right and bottom in pixels of the image, from its top left corner.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PageView:
    """The size of a page's image in pixels, and a box for each line of the quote on it."""

    width: int
    height: int
    boxes: tuple[Box, ...] = ()


def view_page(data: bytes, name: str, number: int, text: str, quote: Span) -> PageView:
    """Find a quote on a page. Raises ReadError.

    :param number: of the page, from 1.
    :param text: the stored text of the page.
    :param quote: the place of the quote in `text`; an empty one has no boxes.
    """
    with _open_page(data, name, number) as page:
        width, height = _size(page)
        return PageView(width, height, tuple(_boxes(page, (width, height), text, quote)))


def draw_page(data: bytes, name: str, number: int) -> bytes:
    """The image of a page (from 1) as PNG. Raises ReadError."""
    with _open_page(data, name, number) as page:
        width, height = _size(page)
        return _draw(page, width, height)


@contextmanager
def _open_page(data: bytes, name: str, number: int) -> Iterator[Any]:
    import pypdfium2  # type: ignore[import-untyped]

    with closing(open_pdf(data, name)) as pdf:
        if not 1 <= number <= len(pdf):
            raise ReadError(f"{name} has no page {number}; it has {len(pdf)}")
        try:
            yield pdf[number - 1]
        except pypdfium2.PdfiumError as error:
            raise ReadError(f"page {number} of {name} is damaged; its text can be read") from error


def _size(page: Any) -> tuple[int, int]:
    width, height = (max(side, 1.0) for side in page.get_size())
    scale = min(sqrt(MAX_PIXELS / (width * height)), MAX_SIDE / max(width, height))
    return max(int(width * scale), 1), max(int(height * scale), 1)


def _draw(page: Any, width: int, height: int) -> bytes:
    from pypdfium2 import raw

    bitmap = raw.FPDFBitmap_CreateEx(width, height, raw.FPDFBitmap_BGR, None, 0)
    if not bitmap:
        raise MemoryError
    try:
        raw.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
        raw.FPDF_RenderPageBitmap(bitmap, page.raw, 0, 0, width, height, 0, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER)
        stride = raw.FPDFBitmap_GetStride(bitmap)
        pixels = string_at(raw.FPDFBitmap_GetBuffer(bitmap), stride * height)
    finally:
        raw.FPDFBitmap_Destroy(bitmap)
    return _png(width, height, [pixels[row * stride : row * stride + 3 * width] for row in range(height)])


def _png(width: int, height: int, rows: Sequence[bytes]) -> bytes:
    """Rows of three bytes a pixel as PNG (https://www.w3.org/TR/png-3/): true colour, no filter."""
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _boxes(page: Any, size: tuple[int, int], text: str, quote: Span) -> Iterator[Box]:
    if quote[0] >= quote[1]:
        return
    text_page = page.get_textpage()
    on_page = characters(text_page)
    for indices in quoted_characters(text, quote, lines_of(text_page, on_page, column_edges(page_rules(page))), on_page):
        corners = [corner for index in indices for corner in _corners(page, text_page, size, index)]
        if corners:
            (left, right), (top, bottom) = (
                (max(min(places) - _MARGIN, 0), min(max(places) + _MARGIN, side))
                for places, side in zip(zip(*corners, strict=True), size, strict=True)
            )
            if left < right and top < bottom:  # on the page
                yield left, top, right, bottom


def _corners(page: Any, text_page: Any, size: tuple[int, int], index: int) -> list[tuple[int, int]]:
    """Two corners of a character's ink on the image; none for one without ink.

    The box of its font's height would reach into the lines above and below.
    """
    from pypdfium2 import raw

    edges = [c_double() for _ in range(4)]
    left, right, bottom, top = edges
    x, y = c_int(), c_int()
    if not raw.FPDFText_GetCharBox(text_page.raw, index, *map(byref, edges)) or left.value == right.value:
        return []
    corners = []
    for across, up in ((left, top), (right, bottom)):
        raw.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, across, up, byref(x), byref(y))
        corners.append((x.value, y.value))
    return corners
