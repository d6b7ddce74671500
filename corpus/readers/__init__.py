"""Reads files: detects the format, runs its reader, and adds a title and a language.

Enters: the bytes of a file and its name. Leaves: a `Document` per file or record, and a `ReadFailure` per record that cannot be read.
A module per format, in `plain/`, `markup/` and `office/`; the other modules here are shared by the readers. A reader is imported
when a file of its format is read, so importing this package is cheap.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Protocol, runtime_checkable

from corpus.readers.completion import complete
from corpus.readers.detection import FORMATS, detect, unpack
from corpus.types import Document, Reader, ReadError, ReadFailure

__all__ = ["FORMATS", "detect", "load_reader", "read"]

# Format -> reader class.
_READERS = {
    "text": "corpus.readers.plain.text:TextReader",
    "markdown": "corpus.readers.markup.markdown:MarkdownReader",
    "html": "corpus.readers.markup.html:HtmlReader",
    "pdf": "corpus.readers.pdf:PdfReader",
    "docx": "corpus.readers.office.docx:DocxReader",
    "odt": "corpus.readers.office.odt:OdtReader",
    "pptx": "corpus.readers.office.pptx:PptxReader",
    "xlsx": "corpus.readers.office.xlsx:XlsxReader",
    "csv": "corpus.readers.plain.csv:CsvReader",
    "email": "corpus.readers.plain.email:EmailReader",
    "govuk": "corpus.readers.markup.govuk:GovukRecordsReader",
    "jsonl": "corpus.readers.plain.jsonl:JsonRecordsReader",
}


@runtime_checkable
class RecordsReader(Protocol):
    """Turns the bytes of one file into many documents."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
        """Yield a document or a failure per record. Raises ReadError if the file as a whole cannot be read."""
        ...


def read(data: bytes, name: str) -> Iterator[Document | ReadFailure]:
    """Read a file: one document, or a document or failure per record for JSON Lines and lists of GOV.UK content items.

    The format is detected from the content first and the name second; `name` is never opened.
    Raises ReadError, or its subclass UnsupportedFormat, if the file as a whole cannot be read.
    """
    data, name = unpack(data, name)
    reader = load_reader(detect(data, name))
    if isinstance(reader, RecordsReader):
        return _read_records(reader, data, name)
    return iter([complete(reader.read(data, name), name)])


def load_reader(file_format: str) -> Reader | RecordsReader:
    """Import and create the reader of one of `FORMATS`."""
    module, _, class_name = _READERS[file_format].partition(":")
    reader: Reader | RecordsReader = getattr(import_module(module), class_name)()
    return reader


def _read_records(reader: RecordsReader, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
    for number, record in enumerate(reader.read_records(data, name), start=1):
        if isinstance(record, ReadFailure):
            yield record
            continue
        try:
            yield complete(record, f"{name}, record {number}")
        except ReadError as error:
            yield ReadFailure(f"{name}, record {number}", str(error))
