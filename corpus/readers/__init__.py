"""Files in, documents out: `read` finds a file's format, reads it, and completes what it found.

The libraries that formats need are imported only when a file of that format is read, so importing this package is cheap.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Protocol, runtime_checkable

from corpus.readers.completion import complete
from corpus.readers.detection import FORMATS, detect, unpack
from corpus.types import Document, Reader, ReadError, ReadFailure

__all__ = ["FORMATS", "detect", "read", "reader_for"]

# The class that reads each format; those that end in "RecordsReader" find many documents in one file.
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
    """Turns the bytes of one file into many documents, and says which of its records are none."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
        """Raise ReadError where the file as a whole cannot be read."""
        ...


def read(data: bytes, name: str) -> Iterator[Document | ReadFailure]:
    """One document for an ordinary file, one document or failure a record for JSON Lines and lists of GOV.UK items.

    The format is found by content first and by name second; `name` is never opened.
    Raises ReadError, or UnsupportedFormat, where the file as a whole holds no readable document.
    """
    data, name = unpack(data, name)
    reader = reader_for(detect(data, name))
    if isinstance(reader, RecordsReader):
        return _records(reader, data, name)
    return iter([complete(reader.read(data, name), name)])


def reader_for(format_word: str) -> Reader | RecordsReader:
    """The reader of one of `FORMATS`."""
    module, _, class_name = _READERS[format_word].partition(":")
    reader: Reader | RecordsReader = getattr(import_module(module), class_name)()
    return reader


def _records(reader: RecordsReader, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
    for number, record in enumerate(reader.read_records(data, name), start=1):
        if isinstance(record, ReadFailure):
            yield record
            continue
        try:
            yield complete(record, f"{name}, record {number}")
        except ReadError as error:
            yield ReadFailure(f"{name}, record {number}", str(error))
