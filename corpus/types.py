"""The nouns of the corpus: Document, Heading, Section, Passage; the Reader protocol; the errors.

Every place is a pair of code-point offsets into `Document.text`, start inclusive, end exclusive.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

Span = tuple[int, int]

# What a metadata value may be: what JSON can say, one level deep.
MetadataValue = str | int | float | bool | list[str]

# What a fragment may hold besides letters and digits (RFC 3986, 3.5), and "#", which stands between a path and its fragment.
_FRAGMENT = "#/?:@!$&'()*+,;=-._~"


class QuotableError(Exception):
    """Anything this project refuses or cannot do. The message says what was wrong and what to do next."""


class ReadError(QuotableError):
    """A document could not be turned into text."""


class UnsupportedFormat(ReadError):
    """No reader takes this kind of file."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading line: where it stands in the text, its level (1 is the highest), its fragment in the source's URL."""

    start: int
    end: int
    level: int
    title: str
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading, up to the next heading of any level. `headings` is its path, outermost first."""

    start: int
    end: int
    headings: tuple[str, ...] = ()
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What a reader found in a file.

    `text` is what the file says, with line ends normalised to "\\n" and nothing else changed.
    `pages` holds the offset at which each page starts, first page first; empty where the format has no pages.
    `date` is ISO 8601 (a day, or a moment). `id` is set only where the source names its own documents.
    """

    text: str
    title: str
    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()
    id: str | None = None
    url: str | None = None
    date: str | None = None
    type: str | None = None
    language: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """`sha256:` and the hexadecimal SHA-256 of the text in UTF-8."""
        return text_version(self.text)


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document that is embedded and ranked as one: `document.text[start:end] == text`.

    `context` is what is put before the text when it is embedded and indexed (title and heading path); it is never quoted.
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
        """What is embedded: `title › headings › passage`."""
        return f"{self.context} › {self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """A file or record that could not be read, next to others that could.

    `name` is the file's name, with the record's place in it; `reason` is a sentence for the person who added the file.
    `unsupported`: no reader takes this format, as opposed to a damaged file.
    """

    name: str
    reason: str
    unsupported: bool = False


class Reader(Protocol):
    """Turns the bytes of one file into a document; pure, so that it can run in a limited child process."""

    def read(self, data: bytes, name: str) -> Document:
        """Raise ReadError with a reason a person can act on where the bytes hold no readable document."""
        ...


class Tokenizer(Protocol):
    """Counts tokens the way the embedding model does, without the model's special tokens."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


def text_version(text: str) -> str:
    """The version of a document with this text: `sha256:` and the hexadecimal digest of its UTF-8 bytes."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def url_at(url: str | None, anchor: str | None) -> str | None:
    """The address of a place in the document at `url`: an anchor that begins with "/" is a path below it, any other a fragment.

    None where the document has no address.
    """
    if not url or not anchor:
        return url
    whole = url.partition("#")[0]
    return whole + quote(anchor, safe=_FRAGMENT) if anchor.startswith("/") else f"{whole}#{quote(anchor, safe=_FRAGMENT)}"


def page_at(pages: Sequence[int], offset: int) -> int | None:
    """The 1-based number of the page that holds `offset`; None where there are no pages."""
    return max(bisect_right(pages, offset), 1) if pages else None
