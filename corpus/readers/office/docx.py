"""Reads DOCX from its XML: headings by style, lists with their marks, tables, text boxes, drawings, equations and footnotes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from itertools import takewhile

from lxml import etree

from corpus.readers.builder import CoveredCell, TextBuilder
from corpus.readers.office.docx_styles import Numbering, Styles
from corpus.readers.office.drawings import append_chart, append_diagram, paragraphs
from corpus.readers.office.equations import equation_text
from corpus.readers.office.properties import office_properties
from corpus.readers.office.safe_xml import attribute, child, children, local, open_checked, part
from corpus.types import Document, ReadError

_SKIPPED = frozenset(("del", "moveFrom", "Fallback", "instrText", "delText", "pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr"))
_BOX = "txbxContent"
# Columns over which merged cells are spread, and code points of text that is repeated in the rows that it spans.
_MAX_COLUMNS = 64
_LONGEST_REPEATED = 200
# The root of the part that a relation's id refers to.
RelatedPart = Callable[[str | None], etree._Element | None]


class DocxReader:
    """Reads the body and footnotes of a document without headers, footers and comments."""

    def read(self, data: bytes, name: str) -> Document:
        archive = open_checked(data, name)
        root = part(archive, "word/document.xml", name)
        body = child(root, "body") if root is not None else None
        if body is None:
            raise ReadError(f"{name} has no document body; it is damaged, save it again")
        writer = _Writer(
            Styles(part(archive, "word/styles.xml", name)),
            Numbering(part(archive, "word/numbering.xml", name)),
            _related(archive, name),
        )
        writer.blocks(body)
        writer.footnotes(part(archive, "word/footnotes.xml", name))
        title, metadata = office_properties(archive, name)
        return Document(
            text=writer.builder.text,
            title=writer.title or title,
            headings=writer.builder.headings,
            tables=writer.builder.tables,
            type="docx",
            metadata=metadata,
        )


class _Writer:
    def __init__(self, styles: Styles, numbering: Numbering, related: RelatedPart) -> None:
        self.builder = TextBuilder()
        self.title = ""
        self._styles = styles
        self._numbering = numbering
        self._related = related
        self._in_list = False

    def blocks(self, parent: etree._Element) -> None:
        for element in parent:
            kind = local(element)
            if kind == "p":
                self._paragraph(element)
            elif kind == "tbl":
                self._table(element)
            elif kind not in _SKIPPED:
                self.blocks(element)

    def footnotes(self, root: etree._Element | None) -> None:
        """Append each footnote as a block."""
        for note in children(root, "footnote") if root is not None else ():
            self._in_list = False
            self.builder.block(" ".join(_paragraph_texts(note)))

    def _paragraph(self, paragraph: etree._Element) -> None:
        text = _inline(paragraph).strip()
        if text:
            self._write(paragraph, text)
        for box in _boxes(paragraph):
            self._in_list = False
            self.blocks(box)
        for drawing in _drawings(paragraph):
            self._in_list = False
            self._drawing(drawing)

    def _drawing(self, drawing: etree._Element) -> None:
        for element in drawing.iter():
            kind = local(element)
            if kind == "chart" and (root := self._related(attribute(element, "id"))) is not None:
                append_chart(root, self.builder)
            elif kind == "relIds" and (root := self._related(attribute(element, "dm"))) is not None:
                append_diagram(root, self.builder)
            elif kind == "txBody":
                self.builder.block("\n".join(paragraphs(element)))

    def _write(self, paragraph: etree._Element, text: str) -> None:
        if self._styles.is_title(paragraph):
            self.title = self.title or " ".join(text.split())
            self._heading(text, 1)
        elif (level := self._styles.heading_level(paragraph)) is not None:
            numbered = self._styles.numbering(paragraph)
            mark = self._numbering.mark(*numbered) if numbered else "-"
            self._heading(text if mark == "-" else f"{mark} {text}", level)
        elif numbered := self._styles.numbering(paragraph):
            self._item(text, *numbered)
        else:
            self._in_list = False
            self.builder.block(text)

    def _heading(self, title: str, level: int) -> None:
        self._in_list = False
        self.builder.heading(title, level)

    def _item(self, text: str, list_id: str, depth: int) -> None:
        add = self.builder.line if self._in_list else self.builder.block
        add("  " * min(depth, 10) + f"{self._numbering.mark(list_id, depth)} {text}")
        self._in_list = True

    def _table(self, table: etree._Element) -> None:
        self._in_list = False
        rows = list(_rows(table))
        cells = [cell for row in rows[:2] for cell in _cells(row)]
        if len(rows) == len(cells) == 1:
            self.blocks(cells[0])
            return
        heads = sum(1 for _ in takewhile(_is_head, rows))
        above: dict[int, str] = {}
        self.builder.table([_row(row, above) for row in rows], heads or None)


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for element in table:
        if local(element) == "tr":
            yield element
        elif local(element) in ("sdt", "sdtContent", "ins", "customXml"):
            yield from _rows(element)


def _is_head(row: etree._Element) -> bool:
    """Whether Word repeats the row on every page."""
    mark = child(row, "trPr", "tblHeader")
    return mark is not None and attribute(mark, "val") not in ("0", "false", "off")


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    for element in row:
        if local(element) == "tc":
            yield element
        elif local(element) in ("sdt", "sdtContent", "ins", "customXml"):
            yield from _cells(element)


def _row(row: etree._Element, above: dict[int, str]) -> list[str | CoveredCell]:
    """The cells of a row, with the places that merged ones cover. `above`: by column, the text that cells which are merged repeat."""
    cells: list[str | CoveredCell] = [""] * _number(child(row, "trPr", "gridBefore"))
    for cell in _cells(row):
        text, column, merge = " ".join(_paragraph_texts(cell)), len(cells), child(cell, "tcPr", "vMerge")
        repeated = text if len(text) <= _LONGEST_REPEATED else ""
        if merge is None or attribute(merge, "val") == "restart":
            cells.append(text)
            above[column] = repeated
        else:
            cells.append(CoveredCell(body=above.get(column, "")))
        span = min(_number(child(cell, "tcPr", "gridSpan")), _MAX_COLUMNS - column)
        cells += [CoveredCell(head=repeated)] * (span - 1)
    return cells


def _number(element: etree._Element | None) -> int:
    """Of columns, at most _MAX_COLUMNS; 0 if there is no such property."""
    value = attribute(element, "val") if element is not None else None
    return min(int(value), _MAX_COLUMNS) if value and value.isdecimal() and len(value) < 6 else 0


def _paragraph_texts(parent: etree._Element) -> Iterator[str]:
    """The texts of all paragraphs of a cell or footnote, including nested tables and text boxes."""
    for element in parent:
        if local(element) == "p":
            yield _inline(element)
            for box in _boxes(element):
                yield from _paragraph_texts(box)
        elif local(element) not in _SKIPPED:
            yield from _paragraph_texts(element)


def _inline(element: etree._Element) -> str:
    pieces: list[str] = []
    for inner in element:
        kind = local(inner)
        if kind == "t":
            pieces.append(inner.text or "")
        elif kind in ("tab", "ptab"):
            pieces.append("\t")
        elif kind in ("br", "cr"):
            pieces.append("\n")
        elif kind == "noBreakHyphen":
            pieces.append("-")
        elif kind == "oMath":
            pieces.append(equation_text(inner))
        elif kind not in _SKIPPED and kind not in (_BOX, "drawing"):
            pieces.append(_inline(inner))
    return "".join(pieces)


def _drawings(element: etree._Element) -> Iterator[etree._Element]:
    for inner in element:
        if local(inner) == "drawing":
            yield inner
        elif local(inner) not in _SKIPPED and local(inner) != _BOX:
            yield from _drawings(inner)


def _related(archive: zipfile.ZipFile, name: str) -> RelatedPart:
    """Finds the parts that the document refers to, such as its charts."""
    root = part(archive, "word/_rels/document.xml.rels", name)
    targets = {attribute(one, "Id"): attribute(one, "Target") or "" for one in root} if root is not None else {}

    def find(relation: str | None) -> etree._Element | None:
        target = targets.get(relation, "")
        return part(archive, target[1:] if target.startswith("/") else f"word/{target}", name) if target else None

    return find


def _boxes(element: etree._Element) -> Iterator[etree._Element]:
    """The text boxes anchored in a paragraph, without the fallback copy of each."""
    for inner in element:
        if local(inner) == _BOX:
            yield inner
        elif local(inner) not in _SKIPPED:
            yield from _boxes(inner)
