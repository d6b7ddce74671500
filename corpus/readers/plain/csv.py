"""Reads CSV and similar tables: a line per row, cells separated by " | "."""

from __future__ import annotations

import csv
import io
from itertools import islice

from corpus.readers.builder import MAX_TABLE_ROWS, TextBuilder
from corpus.readers.decoding import decode
from corpus.types import Document, ReadError

# In code points.
_SAMPLE = 8_192
_SEPARATORS = ",;\t|"


class CsvReader:
    """Reads tables separated by commas, semicolons, tabs or bars."""

    def read(self, data: bytes, name: str) -> Document:
        decoded = decode(data, name)
        builder = TextBuilder()
        metadata = dict(decoded.metadata)
        try:
            rows = csv.reader(io.StringIO(decoded.text, newline=""), delimiter=_separator(decoded.text, name))
            builder.table(islice(rows, MAX_TABLE_ROWS), head_rows=None)
            if next(rows, None) is not None:
                metadata["not_read"] = [f"only the first {MAX_TABLE_ROWS:,} rows were read; split the file"]
        except csv.Error as error:
            raise ReadError(f"{name} is not valid CSV ({error}); save it as CSV again") from error
        return Document(text=builder.text, title="", tables=builder.tables, type="csv", metadata=metadata)


def _separator(text: str, name: str) -> str:
    """The separator that csv.Sniffer finds, else the most frequent one of the first line."""
    if name.lower().endswith(".tsv"):
        return "\t"
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], delimiters=_SEPARATORS).delimiter
    except csv.Error:
        first = text.partition("\n")[0]
        return max(_SEPARATORS, key=first.count)
