"""Reads ODT (OpenDocument Text) from its XML: headings by outline level, lists, tables."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date
from corpus.readers.office.safe_xml import attribute, child, children, local, open_checked, part, text_of
from corpus.types import Document, ReadError

_SKIPPED = frozenset(
    ("tracked-changes", "annotation", "annotation-end", "forms", "sequence-decls", "variable-decls", "soft-page-break")
)
# Limit of a repetition count in the file.
_MAX_SPACES = 100


class OdtReader:
    """Reads the body of a document without headers, footers and comments."""

    def read(self, data: bytes, name: str) -> Document:
        archive = open_checked(data, name)
        root = part(archive, "content.xml", name)
        body = child(root, "body", "text") if root is not None else None
        if body is None:
            raise ReadError(f"{name} has no text body; it is damaged or encrypted, save it again without a password")
        writer = _Writer()
        writer.blocks(body)
        meta = child(part(archive, "meta.xml", name), "meta")
        created = iso_date(text_of(child(meta, "creation-date"))[:10])
        return Document(
            text=writer.builder.text,
            title=text_of(child(meta, "title")),
            headings=writer.builder.headings,
            tables=writer.builder.tables,
            type="odt",
            metadata={"created": created} if created else {},
        )


class _Writer:
    def __init__(self) -> None:
        self.builder = TextBuilder()
        self._depth = 0
        self._mark = ""
        self._in_list = False

    def blocks(self, parent: etree._Element) -> None:
        for element in parent:
            kind = local(element)
            if kind == "h":
                self._in_list = False
                level = attribute(element, "outline-level") or "1"
                self.builder.heading(_inline(element), int(level) if level.isdecimal() and len(level) < 3 else 1)
            elif kind == "p":
                self._paragraph(_inline(element))
            elif kind == "list":
                self._list(element)
            elif kind == "table":
                self._table(element)
            elif kind not in _SKIPPED:
                self.blocks(element)

    def _paragraph(self, text: str) -> None:
        if not self._depth:
            self._in_list = False
            self.builder.block(text)
            return
        line = "  " * min(self._depth - 1, 10) + (self._mark or "  ") + text.strip()
        if not text.strip():
            return
        self._mark = ""
        add = self.builder.line if self._in_list else self.builder.block
        add(line)
        self._in_list = True

    def _list(self, element: etree._Element) -> None:
        self._depth += 1
        for item in element:
            self._mark = "- "
            self.blocks(item)
        self._depth -= 1
        self._mark = ""
        self._in_list = self._in_list and bool(self._depth)

    def _table(self, table: etree._Element) -> None:
        self._in_list = False
        cells = ((cell for cell in row if local(cell) in ("table-cell", "covered-table-cell")) for row in _rows(table))
        heads = sum(1 for group in children(table, "table-header-rows") for _ in children(group, "table-row"))
        self.builder.table((map(_cell_text, row) for row in cells), heads or None)


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for element in table:
        if local(element) == "table-row":
            yield element
        elif local(element) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(element)


def _cell_text(cell: etree._Element) -> str:
    return " ".join(_inline(element) for element in cell.iter() if local(element) in ("p", "h"))


def _inline(element: etree._Element) -> str:
    pieces = [element.text or ""]
    for inner in element:
        kind = local(inner)
        if kind == "s":
            count = attribute(inner, "c") or "1"
            pieces.append(" " * (min(int(count), _MAX_SPACES) if count.isdecimal() and len(count) < 9 else 1))
        elif kind in ("tab", "line-break"):
            pieces.append("\t" if kind == "tab" else "\n")
        elif kind not in _SKIPPED:
            pieces.append(_inline(inner))
        pieces.append(inner.tail or "")
    return "".join(pieces)
