"""Reads XLSX: a heading per sheet, its tables with their column heads, with the saved values of formulas."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from corpus.readers.builder import MAX_TABLE_ROWS, TextBuilder
from corpus.readers.office.properties import office_properties
from corpus.readers.office.safe_xml import open_checked
from corpus.types import Document, ReadError

# A sheet may have a million empty rows; reading stops after this many in succession.
_MAX_EMPTY_ROWS = 10_000


class XlsxReader:
    """Reads workbooks with openpyxl, row by row."""

    def read(self, data: bytes, name: str) -> Document:
        archive = open_checked(data, name)
        title, metadata = office_properties(archive, name)
        from openpyxl import load_workbook

        builder = TextBuilder()
        cut: list[str] = []
        try:
            with warnings.catch_warnings():
                # Warnings about styles and extensions, which have no text.
                warnings.simplefilter("ignore")
                workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
                for sheet in workbook.worksheets:
                    builder.heading(sheet.title, 1)
                    # The recorded size of a sheet is often wrong.
                    sheet.reset_dimensions()
                    if not _sheet(sheet, builder):
                        cut.append(f"only the first {MAX_TABLE_ROWS:,} rows of the sheet “{sheet.title}” were read; split it")
                workbook.close()
        except Exception as error:  # the library raises errors of many kinds on damaged files
            raise ReadError(f"{name} is a damaged workbook ({type(error).__name__}: {error}); save it again") from error
        return Document(
            text=builder.text,
            title=title,
            headings=builder.headings,
            tables=builder.tables,
            type="xlsx",
            metadata={**metadata, "not_read": cut} if cut else metadata,
        )


def _sheet(sheet: Any, builder: TextBuilder) -> bool:
    """Append the tables of a sheet. False if it has more than MAX_TABLE_ROWS rows."""
    left = MAX_TABLE_ROWS
    for table in _tables(sheet.iter_rows(values_only=True)):
        if not left:
            return False
        for beside in _side_by_side(table[:left]):
            builder.table(beside, head_rows=None)
        if len(table) > left:
            return False
        left -= len(table)
    return True


def _tables(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[list[str]]]:
    """The runs of adjacent rows with text."""
    table: list[list[str]] = []
    empty = 0
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            table.append(cells)
            empty = 0
            continue
        if table:
            yield table
            table = []
        empty += 1
        if empty > _MAX_EMPTY_ROWS:
            return
    if table:
        yield table


def _side_by_side(rows: list[list[str]]) -> list[list[list[str]]]:
    """The tables in adjacent rows: one begins after an empty column, if its first row is not that of the first table."""
    columns = [column for column in range(max(map(len, rows))) if any(row[column] for row in rows if column < len(row))]
    groups = [[column for _, column in group] for _, group in groupby(enumerate(columns), lambda pair: pair[1] - pair[0])]
    first_rows = [
        next(number for number, row in enumerate(rows) if any(row[column] for column in group if column < len(row)))
        for group in groups
    ]
    starts = [0, *(group[0] for group, first in zip(groups[1:], first_rows[1:], strict=True) if first != first_rows[0])]
    return [[row[start:end] for row in rows] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return " ".join(str(value).split())
