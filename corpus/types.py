"""Value types of the corpus (Document, Heading, Table, Section, Passage), the Reader and Tokenizer protocols, and the errors.

All offsets are code points into `Document.text`, start inclusive, end exclusive.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import quote

Span = tuple[int, int]

# Key of a document's metadata: the pages whose text was read from images, as "all pages" or "pages 2, 5–7 and 9".
OCR = "ocr"
_WITHOUT_OCR = (
    "install OCR on the server (`make install EXTRAS=ocr`) and add it again, or add a PDF with text, as ocrmypdf makes it"
)

# JSON values, one level deep.
MetadataValue = str | int | float | bool | list[str]

# Characters left unquoted in a fragment (RFC 3986, 3.5); "#" separates the path of an anchor from its fragment.
_FRAGMENT = "#/?:@!$&'()*+,;=-._~"


class QuotableError(Exception):
    """Base class of the project's errors. The message says what is wrong and what to do next."""


class ReadError(QuotableError):
    """A file cannot be read as a document."""


class UnsupportedFormat(ReadError):
    """No reader supports the file's format."""


class NeedsOcr(ReadError):
    """A file is, or its pages are, images of text. The message says what it is; the way out is added."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; {_WITHOUT_OCR}")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading line: its place in the text, its level from 1 (highest) to 6, and its anchor in the source's URL."""

    start: int
    end: int
    level: int
    title: str
    anchor: str | None = None

    def moved(self, by: int) -> Heading:
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: lines of the text, one per row, with cells separated by " | ", or as Markdown writes it, with a line of dashes.

    The lines up to `head_end` are the column heads; there is at least one. `caption` is empty if the table has none.
    """

    start: int
    head_end: int
    end: int
    caption: str = ""

    def moved(self, by: int) -> Table:
        return replace(self, start=self.start + by, head_end=self.head_end + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading, up to the next heading of any level. `headings` is the heading path, outermost first."""

    start: int
    end: int
    headings: tuple[str, ...] = ()
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a reader returns it.

    `text` is the file's text with line ends normalised to "\\n".
    `tables` has the tables with column heads, whose rows become passages of their own.
    `pages` has the offset of the start of each page; it is empty for formats without pages.
    `date` is an ISO 8601 date, with or without a time. `id` is set only if the source has ids of its own. `part` is the place in its
    file of an attachment or a message of a mailbox, such as "fees.pdf" or "3f2a9c01be44/fees.pdf"; None once it is stored.
    """

    text: str
    title: str
    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()
    id: str | None = None
    part: str | None = None
    url: str | None = None
    date: str | None = None
    type: str | None = None
    language: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()

    @property
    def version(self) -> str:
        """`sha256:` and the hexadecimal SHA-256 of the text in UTF-8."""
        return text_version(self.text)


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document, the unit of embedding and ranking: `document.text[start:end] == text`.

    `headings` is the heading path; that of a table row ends in the table's caption and its column heads (`Type | Fee`).
    `context` (title and heading path) precedes the text when it is embedded and indexed; it is never quoted.
    """

    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()
    context: str = ""
    page: int | None = None
    anchor: str | None = None

    @property
    def searchable_text(self) -> str:
        """The embedded and indexed text: `title › headings › passage`."""
        return f"{self.context} › {self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """A file or record that could not be read, next to others that could.

    `name` is the file's name, with the record's place in it; `reason` is a sentence for the person who added the file.
    `needs_ocr`: it is an image, or its pages are. `crashed`: the reader's process crashed, which another attempt may not.
    """

    name: str
    reason: str
    needs_ocr: bool = False
    crashed: bool = False

    @classmethod
    def of(cls, name: str, error: ReadError) -> ReadFailure:
        return cls(name, str(error), needs_ocr=isinstance(error, NeedsOcr))


class Reader(Protocol):
    """Turns the bytes of one file into a document. Pure, so that it can run in a confined child process."""

    def read(self, data: bytes, name: str) -> Document:
        """Read a document; `name` is the file's name, for messages. Raises ReadError with the reason and what to do."""
        ...


class Tokenizer(Protocol):
    """Counts tokens as the embedding model does, without special tokens."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


def text_version(text: str) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the text in UTF-8."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def url_at(url: str | None, anchor: str | None) -> str | None:
    """The URL of an anchor in the document at `url`; None if the document has no URL.

    An anchor that begins with "/" is a path below the document's URL, any other a fragment.
    """
    if not url or not anchor:
        return url
    base = url.partition("#")[0]
    return base + quote(anchor, safe=_FRAGMENT) if anchor.startswith("/") else f"{base}#{quote(anchor, safe=_FRAGMENT)}"


def page_at(pages: Sequence[int], offset: int) -> int | None:
    """The 1-based number of the page that contains `offset`; None if the document has no pages."""
    return max(bisect_right(pages, offset), 1) if pages else None
