"""Builds a document's text from blocks and records the offsets of its headings and pages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from corpus.readers.decoding import sanitise
from corpus.types import Heading

# All control characters but tab and line feed.
_CONTROLS = re.compile("[\x01-\x08\x0b-\x1f\x7f]")


class TextBuilder:
    """Separates blocks by a blank line, and the lines of a block (list items, table rows) by a line feed."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._pages: list[int] = []
        self._pending_pages = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def headings(self) -> tuple[Heading, ...]:
        return tuple(self._headings)

    @property
    def pages(self) -> tuple[int, ...]:
        """The offset of each page; an empty page has the offset of the next one."""
        return (*self._pages, *[self._length] * self._pending_pages)

    def block(self, text: str) -> None:
        """Append a paragraph, or the first line of a list or table. Strips white space; ignores empty text."""
        self._append(text, "\n\n")

    def line(self, text: str) -> None:
        """Append a line to the last block. Keeps leading white space, the indent of nested list items."""
        self._append(text, "\n")

    def heading(self, title: str, level: int, anchor: str | None = None) -> None:
        """Append a heading; `level` is clamped to 1 to 6."""
        title = " ".join(_clean(title).split())
        if title:
            self._append(title, "\n\n")
            self._headings.append(Heading(self._length - len(title), self._length, min(max(level, 1), 6), title, anchor))

    def table(self, rows: Iterable[Iterable[str]]) -> None:
        """Append a table as one block, a line per row with cells separated by " | ". Ignores empty rows."""
        add = self.block
        for row in rows:
            text = " | ".join(" ".join(cell.split()) for cell in row)
            if text.strip(" |"):
                add(text)
                add = self.line

    def start_page(self) -> None:
        """Start a new page at the next block."""
        self._pending_pages += 1

    def _append(self, text: str, separator: str) -> None:
        text = _clean(text).rstrip() if separator == "\n" else _clean(text).strip()
        if not text.strip():
            return
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        self._pages.extend([self._length] * self._pending_pages)
        self._pending_pages = 0
        self._parts.append(text)
        self._length += len(text)


def _clean(text: str) -> str:
    return _CONTROLS.sub("", sanitise(text))
