"""Reads files: detects the format, runs its reader, and adds a title and a language.

Enters: the bytes of a file and its name. Leaves: a `Document` per file, record or attachment, and a `ReadFailure` for each that cannot
be read.
A module per format, in `plain/`, `markup/`, `office/` and `scans/`, and the folder `pdf/`; the other modules here are shared by the
readers. A reader is imported when a file of its format is read, so importing this package is cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Protocol, runtime_checkable

from corpus.readers.attachments import MAX_DEPTH, Attachment, attached, part_name
from corpus.readers.completion import complete
from corpus.readers.detection import FORMATS, detect, unpack
from corpus.readers.scans.tesseract import OcrMissing
from corpus.types import Document, NeedsOcr, Reader, ReadError, ReadFailure

__all__ = ["FORMATS", "attachments", "detect", "load_reader", "read"]

# Format -> reader class.
_READERS = {
    "text": "corpus.readers.plain.text:TextReader",
    "markdown": "corpus.readers.markup.markdown:MarkdownReader",
    "html": "corpus.readers.markup.html:HtmlReader",
    "pdf": "corpus.readers.pdf.reader:PdfReader",
    "docx": "corpus.readers.office.docx:DocxReader",
    "odt": "corpus.readers.office.odt:OdtReader",
    "pptx": "corpus.readers.office.pptx:PptxReader",
    "xlsx": "corpus.readers.office.xlsx:XlsxReader",
    "rtf": "corpus.readers.office.rtf:RtfReader",
    "epub": "corpus.readers.markup.epub:EpubReader",
    "csv": "corpus.readers.plain.csv:CsvReader",
    "email": "corpus.readers.plain.email:EmailReader",
    "msg": "corpus.readers.plain.msg:MsgReader",
    "mbox": "corpus.readers.plain.mbox:MboxReader",
    "govuk": "corpus.readers.markup.govuk:GovukRecordsReader",
    "jsonl": "corpus.readers.plain.jsonl:JsonRecordsReader",
    "image": "corpus.readers.scans.image:ImageReader",
}
# Formats whose readers take a recogniser.
_SCANNED = frozenset(("pdf", "image"))


@runtime_checkable
class RecordsReader(Protocol):
    """Turns the bytes of one file into many documents."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure | Attachment]:
        """Yield a document or a failure per record, and the attachments of a document after it.

        Raises ReadError if the file as a whole cannot be read.
        """
        ...


def read(data: bytes, name: str, depth: int = 0, *, ocr: bool = False) -> Iterator[Document | ReadFailure]:
    """Read a file: one document, or a document or failure per record for JSON Lines, lists of GOV.UK content items and mail.

    The format is detected from the content first and the name second; `name` is never opened. `depth`: the number of messages around
    an attachment. `ocr`: read images, and pages of PDF files without text, which takes seconds a page. Raises ReadError, or one of its
    subclasses UnsupportedFormat and NeedsOcr, if the file as a whole cannot be read.
    """
    data, name = unpack(data, name)
    file_format = detect(data, name)
    try:
        reader = load_reader(file_format, ocr)
    except OcrMissing as error:
        raise NeedsOcr(f"{name} is to be read by OCR, but {error}") from error
    if isinstance(reader, RecordsReader):
        return _read_records(reader, data, name, depth, ocr)
    return iter([complete(reader.read(data, name), name)])


def load_reader(file_format: str, ocr: bool = False) -> Reader | RecordsReader:
    """Import and create the reader of one of `FORMATS`. Raises OcrMissing if `ocr` is needed and not installed."""
    module, _, class_name = _READERS[file_format].partition(":")
    create: Callable[..., Reader | RecordsReader] = getattr(import_module(module), class_name)
    if not ocr or file_format not in _SCANNED:
        return create()
    from corpus.readers.scans.recogniser import Recogniser

    return create(Recogniser())


def attachments(data: bytes, name: str, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """The attachments of a message or mailbox and of the messages in it, each with its `part`. Raises ReadError as `read` does."""
    data, name = unpack(data, name)
    reader = load_reader(detect(data, name))
    if not isinstance(reader, RecordsReader):
        return
    message = None
    for record in reader.read_records(data, name):
        if isinstance(record, Document):
            message = record.part
        elif isinstance(record, Attachment):
            part = "/".join(filter(None, (prefix, message, part_name(record.name))))
            yield part, record.data
            if depth < MAX_DEPTH:
                with suppress(ReadError):
                    yield from attachments(record.data, record.name, part, depth + 1)


def _read_records(reader: RecordsReader, data: bytes, name: str, depth: int, ocr: bool) -> Iterator[Document | ReadFailure]:
    document = None
    for number, record in enumerate(reader.read_records(data, name), start=1):
        if isinstance(record, Attachment):
            if document is not None:
                yield from _read_attachment(record, document, name, depth, ocr)
        elif isinstance(record, ReadFailure):
            yield record
        else:
            try:
                document = complete(record, f"{name}, record {number}")
                yield document
            except ReadError as error:
                document = None
                yield ReadFailure(f"{name}, record {number}", str(error))


def _read_attachment(
    attachment: Attachment, message: Document, place: str, depth: int, ocr: bool
) -> Iterator[Document | ReadFailure]:
    """Read a file attached to a message; any error is a failure of the attachment only."""
    name = attachment.name
    if depth == MAX_DEPTH:
        reason = f"{place}: {name} is inside {MAX_DEPTH} messages; add it by itself"
        yield ReadFailure(name, reason)
        return
    try:
        for found in read(attachment.data, name, depth + 1, ocr=ocr):
            yield attached(found, name, message, place)
    except ReadError as error:
        yield attached(ReadFailure.of(name, error), name, message, place)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - any error of a reader
        reason = f"{name} could not be read ({type(error).__name__}); it is probably damaged, save it again"
        yield attached(ReadFailure(name, reason), name, message, place)
