"""CSV and its relatives: each row is a line, its cells separated by " | "."""

from __future__ import annotations

import csv
import io

from corpus.readers.builder import TextBuilder
from corpus.readers.decoding import decode
from corpus.types import Document, ReadError

# In code points: what the separator is found out by.
_SAMPLE = 8_192
_SEPARATORS = ",;\t|"


class CsvReader:
    """Reads a table whose separator is a comma, a semicolon, a tab or a bar."""

    def read(self, data: bytes, name: str) -> Document:
        decoded = decode(data, name)
        builder = TextBuilder()
        add = builder.block
        try:
            for row in csv.reader(io.StringIO(decoded.text, newline=""), delimiter=_separator(decoded.text, name)):
                line = " | ".join(" ".join(cell.split()) for cell in row)
                if line.strip(" |"):
                    add(line)
                    add = builder.line
        except csv.Error as error:
            raise ReadError(f"{name} is no table of separated values ({error}); save it again as CSV") from error
        return Document(text=builder.text, title="", type="csv", metadata=decoded.metadata)


def _separator(text: str, name: str) -> str:
    """The mark that occurs most regularly: first by the standard library's rules, else by counting the first line."""
    if name.lower().endswith(".tsv"):
        return "\t"
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], delimiters=_SEPARATORS).delimiter
    except csv.Error:
        first = text.partition("\n")[0]
        return max(_SEPARATORS, key=first.count)
