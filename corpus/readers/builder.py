"""Builds a document's text from blocks and records the offsets of its headings, tables and pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from corpus.readers.decoding import sanitise
from corpus.types import Heading, Span, Table

# All control characters but tab and line feed.
_CONTROLS = re.compile("[\x01-\x08\x0b-\x1f\x7f]")
# Cells that are no column heads: amounts, dates, percentages. A year may be a column head.
_FIGURE = re.compile(r"[^\w]*[\d.,:/ \u00a0-]*\d[\d.,:/ \u00a0-]*\D{0,3}")
_YEAR = re.compile(r"(?:19|20)\d\d(?:[/-]\d\d(?:\d\d)?)?")
# Rows read of each sheet or file; each becomes a passage, and 50,000 of them take minutes to embed.
MAX_TABLE_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class CoveredCell:
    """A place in a table that a merged cell covers, but the first: what stands there in a row of column heads, and in another row."""

    head: str = ""
    body: str = ""


class TextBuilder:
    """Separates blocks by a blank line, and the lines of a block (list items, table rows) by a line feed."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._tables: list[Table] = []
        self._pages: list[int] = []
        self._pending_pages = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def headings(self) -> tuple[Heading, ...]:
        return tuple(self._headings)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables with column heads."""
        return tuple(self._tables)

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

    def table(self, rows: Iterable[Iterable[str | CoveredCell]], head_rows: int | None = 0, caption: str = "") -> None:
        """Append a table as one block, a line per row with cells separated by " | ". Ignores empty rows.

        `head_rows`: the number of rows with column heads. None if the file does not say: leading rows of one cell are a caption, the
        next row has the heads unless it has figures, and a table without heads continues the one right before it.
        """
        read = [list(row) for row in rows]
        heads, kept = ([_texts(row, in_head) for row in read if any(_texts(row, True))] for in_head in (True, False))
        width = max(map(_count_texts, kept), default=0)
        captions = [] if head_rows is not None else list(takewhile(lambda row: _count_texts(row) == 1 < width, kept))
        for row in captions:
            self.block("".join(row))
        heads, kept = heads[len(captions) :], kept[len(captions) :]
        if head_rows is None:
            used = {column for row in (*heads, *kept) for column, cell in enumerate(row) if cell}
            heads, kept = (
                [[cell for column, cell in enumerate(row) if column in used] for row in some] for some in (heads, kept)
            )
            head_rows = _count_head_rows(heads)
        kept = [*heads[:head_rows], *kept[head_rows:]]
        continued = self._tables[-1] if self._tables and self._tables[-1].end == self._length and not head_rows else None
        spans = [self._row(cells, is_first=number == 0) for number, cells in enumerate(kept)]
        if continued and spans:
            self._tables[-1] = replace(continued, end=self._length)
        elif 0 < head_rows < len(spans) and width > 1:
            caption = caption or "".join(captions[-1] if captions else ())
            self._tables.append(Table(spans[0][0], spans[head_rows - 1][1], self._length, caption))

    def start_page(self) -> None:
        """Start a new page at the next block."""
        self._pending_pages += 1

    def _row(self, cells: Sequence[str], is_first: bool) -> Span:
        text = " | ".join(cells)
        (self.block if is_first else self.line)(text)
        return self._length - len(text.strip() if is_first else text.rstrip()), self._length

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


def _texts(row: Sequence[str | CoveredCell], in_head: bool) -> list[str]:
    """The texts of a row's cells, without empty places that a merged cell covers at its end."""
    end = len(row)
    while end and isinstance(cell := row[end - 1], CoveredCell) and not (cell.head if in_head else cell.body):
        end -= 1
    texts = (cell if isinstance(cell, str) else cell.head if in_head else cell.body for cell in row[:end])
    return [" ".join(_clean(text).split()) for text in texts]


def _count_texts(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell)


def _count_head_rows(rows: Sequence[Sequence[str]]) -> int:
    """The rows of column heads: the first if it has two or more texts and no figure, and such rows below it without a first cell."""
    if not rows or _count_texts(rows[0]) < 2 or _has_figures(rows[0]):
        return 0
    return 1 + sum(1 for _ in takewhile(lambda row: not row[0] and not _has_figures(row), rows[1:-1]))


def _has_figures(row: Sequence[str]) -> bool:
    return any(_FIGURE.fullmatch(cell) and not _YEAR.fullmatch(cell) for cell in row)
