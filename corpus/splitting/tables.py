"""Table rows as sections of their own, each with its caption and column heads. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from corpus.splitting.sentences import trim
from corpus.types import Passage, Section, Span, Table

SEPARATOR = " | "
# In code points. A longer paragraph before a table is no caption.
LONGEST_CAPTION = 250
_CAPTION = re.compile(r"(?:table|tab\.|tabelle|tableau|tabla|tabella|tabel|exhibit)\s*[\dA-Z]", re.IGNORECASE)
# Line ends are stripped, so an empty cell there leaves its bar only.
_BAR = re.compile(r"(?:^| )\|(?: |$)", re.MULTILINE)
# Between the cells of a row in Markdown, whose first and last bar are optional; below its column heads are dashes.
_MARKDOWN_BAR = re.compile(r"(?<!\\)\|")
_DASHES = re.compile(r"[\s|:-]*-[\s|:-]*")


def caption(text: str, table: Table, section_start: int) -> str:
    """The table's own caption, or the paragraph before it if that ends in a colon or begins with "Table 1"; else empty."""
    if table.caption:
        return table.caption
    start, end = trim(text, section_start, table.start)
    start = max(text.rfind("\n\n", start, end) + 2, start) if "\n\n" in text[start:end] else start
    before = " ".join(text[start:end].split())
    return before if len(before) <= LONGEST_CAPTION and (before.endswith(":") or _CAPTION.match(before)) else ""


def heads(text: str, table: Table) -> list[str]:
    """The head of each column; one of several lines is joined."""
    lines = [cells for _, cells in _rows(text, table, table.start, table.head_end)]
    columns = [
        [" ".join(text[slice(*line[column])].split()) for line in lines if column < len(line)]
        for column in range(max(map(len, lines), default=0))
    ]
    return [" ".join(dict.fromkeys(filter(None, column))) for column in columns]


def row_sections(text: str, table: Table, section: Section, groups: int = 1) -> Iterator[Section]:
    """A section per row, with its headings, the table's caption and the column heads.

    `groups`: the columns of a wide table are divided into so many; a section is then the cells of one group of a row, and all but
    the first have the first cell of the row before the column heads.
    """
    names = heads(text, table)
    named = column_groups(names, groups)
    size = -(-len(names) // groups)
    above = tuple(filter(None, (*section.headings, caption(text, table, section.start))))
    for line, cells in _rows(text, table, table.head_end, table.end):
        for number, group in enumerate(named):
            some = cells[number * size : (number + 1) * size] if number < groups - 1 else cells[number * size :]
            place = line if groups == 1 else (some[0][0], some[-1][1]) if some else (0, 0)
            start, end = trim(text, *place)
            if start < end:
                label = (" ".join(text[slice(*cells[0])].split()),) if number else ()
                yield Section(start, end, (*above, *filter(None, (*label, group))), section.anchor)


def column_heads(passage: Passage) -> str:
    """The column heads of a passage that is a table row; "" for other passages."""
    last = passage.headings[-1] if passage.headings else ""
    is_row = SEPARATOR in last and "|" in passage.text and "\n" not in passage.text
    return last if is_row else ""


def column_groups(names: Sequence[str], groups: int) -> list[str]:
    """The column heads, a line per group of columns."""
    size = -(-len(names) // groups)
    return [SEPARATOR.join(names[first : first + size]) for first in range(0, len(names), size)]


def _rows(text: str, table: Table, start: int, end: int) -> Iterator[tuple[Span, Sequence[Span]]]:
    """The lines of a table between two offsets, with their cells; not the line of dashes of Markdown."""
    heads = list(_lines(text, table.start, table.head_end))
    is_markdown = len(heads) > 1 and _DASHES.fullmatch(text, *heads[-1]) is not None
    for line in _lines(text, start, end):
        if not is_markdown:
            yield line, _cells(text, *line, _BAR)
        elif line != heads[-1]:
            first, last = trim(text, *line)
            is_closed = text[last - 1] == "|" and last - first > 1 and text[last - 2] != "\\"
            yield line, _cells(text, first + (text[first] == "|"), last - is_closed, _MARKDOWN_BAR)


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end:
        newline = text.find("\n", start, end)
        line_end = end if newline < 0 else newline
        if text[start:line_end].strip():
            yield start, line_end
        start = line_end + 1


def _cells(text: str, start: int, end: int, bar: re.Pattern[str]) -> Sequence[Span]:
    bars = list(bar.finditer(text, start, end))
    starts = [start, *(found.end() for found in bars)]
    return list(zip(starts, [*(found.start() for found in bars), end], strict=True))
