"""Reads XLSX: a heading per sheet, a line per row, with the saved values of formulas."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterable
from typing import Any

from corpus.readers.builder import TextBuilder
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
        try:
            with warnings.catch_warnings():
                # Warnings about styles and extensions, which have no text.
                warnings.simplefilter("ignore")
                workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
                for sheet in workbook.worksheets:
                    builder.heading(sheet.title, 1)
                    # The recorded size of a sheet is often wrong.
                    sheet.reset_dimensions()
                    _rows(sheet.iter_rows(values_only=True), builder)
                workbook.close()
        except Exception as error:  # the library raises errors of many kinds on damaged files
            raise ReadError(f"{name} is a damaged workbook ({type(error).__name__}: {error}); save it again") from error
        return Document(
            text=builder.text,
            title=title,
            headings=builder.headings,
            type="xlsx",
            metadata=metadata,
        )


def _rows(rows: Iterable[tuple[Any, ...]], builder: TextBuilder) -> None:
    """Write adjacent rows as lines of one block; an empty row ends the block."""
    add, empty = builder.block, 0
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            add, empty = builder.block, empty + 1
            if empty > _MAX_EMPTY_ROWS:
                return
            continue
        empty = 0
        add(" | ".join(cells))
        add = builder.line


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return " ".join(str(value).split())
