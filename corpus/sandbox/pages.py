"""Shows a page of a PDF file, drawn in a confined process of its own that ends afterwards.

A process that drew pages of other files could reveal them in the pages of a hostile one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.readers.pdf.page_view import PageView
from corpus.sandbox.page_wire import image_from_line, view_from_line
from corpus.sandbox.reader_process import MB, Limits, ReaderProcess, ReadingFailed
from corpus.types import ReadError, Span

# The slowest of 300 real pages took 0.6 s.
LIMITS = Limits(cpu_seconds=15, wall_seconds=30.0, output_bytes=32 * MB, document_bytes=32 * MB)


def page_view(data: bytes, name: str, number: int, text: str, quote: Span, attachment: str = "") -> PageView:
    """The size of the image of a page (from 1), and the boxes of a quote on it. Raises ReadError.

    :param text: the stored text of the page.
    :param quote: the place of the quote in `text`; an empty one has no boxes.
    :param attachment: the id of the document, if the file is the message that it is attached to.
    """
    line = _ask(data, name, {"number": number, "text": text, "quote": quote, "attachment": attachment})
    try:
        return view_from_line(line)
    except ValueError as error:
        raise _invalid(name) from error


def page_image(data: bytes, name: str, number: int, attachment: str = "") -> bytes:
    """The image of a page (from 1) as PNG. `attachment`: as for `page_view`. Raises ReadError."""
    line = _ask(data, name, {"number": number, "attachment": attachment})
    try:
        return image_from_line(line)
    except ValueError as error:
        raise _invalid(name) from error


def _ask(data: bytes, name: str, page: Mapping[str, Any]) -> bytes:
    """The line of the response. Raises ReadError."""
    process = ReaderProcess(LIMITS)
    try:
        return next(process.lines({"name": name, "page": page}, data), b"{}")
    except ReadingFailed as failure:
        raise ReadError(f"{name} {failure}") from failure
    finally:
        process.end()


def _invalid(name: str) -> ReadError:
    return ReadError(f"{name} made its reader send an invalid page")
