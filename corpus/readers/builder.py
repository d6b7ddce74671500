"""Builds the readable text of a document from blocks, and keeps the exact offsets of its headings and pages."""

from __future__ import annotations

import re

from corpus.readers.decoding import sanitise
from corpus.types import Heading

# Control characters that some formats carry along and nobody reads: all but tab and line feed.
_CONTROLS = re.compile("[\x01-\x08\x0b-\x1f\x7f]")


class TextBuilder:
    """Blocks are separated by a blank line; the lines of one block (list items, table rows) by a line feed."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._pages: list[int] = []
        self._pages_waiting = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def headings(self) -> tuple[Heading, ...]:
        return tuple(self._headings)

    @property
    def pages(self) -> tuple[int, ...]:
        """Where each page starts; a page without text starts where the next one does."""
        return (*self._pages, *[self._length] * self._pages_waiting)

    def block(self, text: str) -> None:
        """A paragraph, or the first line of a list or table. White space around it is dropped; an empty one is none."""
        self._append(text, "\n\n")

    def line(self, text: str) -> None:
        """One more line of the block before. White space before the text is kept: it tells how deep a list item stands."""
        self._append(text, "\n")

    def heading(self, title: str, level: int, anchor: str | None = None) -> None:
        """A heading on a line of its own; `level` is 1 to 6."""
        title = " ".join(_clean(title).split())
        if title:
            self._append(title, "\n\n")
            self._headings.append(Heading(self._length - len(title), self._length, min(max(level, 1), 6), title, anchor))

    def start_page(self) -> None:
        """What comes next stands on a new page."""
        self._pages_waiting += 1

    def _append(self, text: str, separator: str) -> None:
        text = _clean(text).rstrip() if separator == "\n" else _clean(text).strip()
        if not text.strip():
            return
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        self._pages.extend([self._length] * self._pages_waiting)
        self._pages_waiting = 0
        self._parts.append(text)
        self._length += len(text)


def _clean(text: str) -> str:
    return _CONTROLS.sub("", sanitise(text))
