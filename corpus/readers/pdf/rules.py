"""The ruled lines of a PDF page, from PDFium, and the tables whose cells they enclose."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from ctypes import byref, c_float
from dataclasses import dataclass
from typing import Any

from corpus.readers.pdf.page_lines import Edge, Line

# A page with more is a drawing. Going through them takes about a microsecond each.
_MOST_OBJECTS, _MOST_SEGMENTS, _MOST_RULES = 20_000, 8_000, 400
# In points. Nearer rules are one; rules that end nearer to each other meet.
_SAME_RULE, _MEETING, _SHORTEST = 2.5, 3.0, 6.0
_MOST_COLUMNS = 30
# In code points: the longest mean of a table's cells. Boxes around running text hold more.
_LONGEST_CELL = 250


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: its height on the page, or its distance from the left edge, and its two ends along the other axis."""

    place: float
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The horizontal and vertical lines of a page, in points from its left and bottom edges."""

    horizontal: Sequence[Rule] = ()
    vertical: Sequence[Rule] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """The edges of the rows, from the top, and of the columns of a ruled table."""

    rows: Sequence[float]
    columns: Sequence[float]

    def cell(self, line: Line) -> tuple[int, int] | None:
        """The row and column in which a line begins; None outside the grid."""
        height, left = line.base + 0.3 * line.size, line.left + 0.3 * line.size
        if not (self.rows[-1] < height < self.rows[0] and self.columns[0] - _MEETING < left < self.columns[-1]):
            return None
        row = sum(1 for edge in self.rows if edge > height) - 1
        return row, max(bisect_right(self.columns, left) - 1, 0)


def page_rules(page: Any) -> Rules:
    """The lines that a page draws along its axes, as strokes or as thin rectangles."""
    from pypdfium2 import raw  # type: ignore[import-untyped]

    count = count_objects(page)
    if not 0 < count <= _MOST_OBJECTS:
        return Rules()
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    segments = 0
    for number in range(count):
        path = raw.FPDFPage_GetObject(page.raw, number)
        if raw.FPDFPageObj_GetType(path) != raw.FPDF_PAGEOBJ_PATH:
            continue
        segments += max(raw.FPDFPath_CountSegments(path), 0)
        if segments > _MOST_SEGMENTS:
            return Rules()
        for (left, low), (right, high) in _strokes(path):
            if abs(high - low) < 1 and abs(right - left) >= _SHORTEST:
                horizontal.append(Rule((low + high) / 2, min(left, right), max(left, right)))
            elif abs(right - left) < 1 and abs(high - low) >= _SHORTEST:
                vertical.append(Rule((left + right) / 2, min(low, high), max(low, high)))
    return Rules(horizontal, vertical)


def count_objects(page: Any) -> int:
    """The number of texts, drawings and images on a page; 0 for an empty or damaged one."""
    from pypdfium2 import raw

    return max(int(raw.FPDFPage_CountObjects(page.raw)), 0)


def column_edges(rules: Rules) -> list[Edge]:
    """The edges between the columns of the tables."""
    return [(place, grid.rows[-1], grid.rows[0]) for grid in grids(rules) for place in grid.columns[1:-1]]


def grids(rules: Rules) -> Iterator[Grid]:
    """The grids of lines that meet: two or more rows and columns."""
    horizontal, vertical = _merge(rules.horizontal), _merge(rules.vertical)
    if max(len(horizontal), len(vertical)) > _MOST_RULES:
        return
    for rows, columns in _groups(horizontal, vertical):
        heights, lefts = _edges(rows)[::-1], _edges(columns)
        if len(heights) > 2 and 2 < len(lefts) <= _MOST_COLUMNS + 1:
            yield Grid(heights, lefts)


def cells_of(grid: Grid, lines: Sequence[Line]) -> tuple[list[list[list[Line]]], list[Line]]:
    """The lines of each cell, row by row, from top to bottom, and all of them; both empty if the grid holds no table."""
    placed = [(cell, line) for line in lines if line.has_place() and (cell := grid.cell(line))]
    cells: list[list[list[Line]]] = [[[] for _ in grid.columns[1:]] for _ in grid.rows[1:]]
    for (row, column), line in placed:
        cells[row][column].append(line)
    for line_cells in cells:
        for of_cell in line_cells:
            of_cell.sort(key=lambda line: (-round(line.base), line.left))
    full = [row for row in cells if sum(map(bool, row)) > 1]
    filled = sum(bool(cell) for row in cells for cell in row)
    letters = sum(len(line.text) for _, line in placed)
    if len(full) < 2 or letters > _LONGEST_CELL * filled:
        return [], []
    return cells, [line for _, line in placed]


def _strokes(path: Any) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight lines of a path, in points of the page."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(path, byref(matrix)):
        return
    x, y = c_float(), c_float()
    start = before = (0.0, 0.0)
    for number in range(raw.FPDFPath_CountSegments(path)):
        segment = raw.FPDFPath_GetPathSegment(path, number)
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == raw.FPDF_SEGMENT_LINETO:
            yield before, point
        if raw.FPDFPathSegment_GetClose(segment):
            yield point, start
        before = point


def _merge(rules: Sequence[Rule]) -> list[Rule]:
    """Rules at the same place that touch each other as one, by their places."""
    merged: list[Rule] = []
    for rule in sorted(rules, key=lambda one: (round(one.place / _SAME_RULE), one.first)):
        last = merged[-1] if merged else None
        if last and abs(last.place - rule.place) < _SAME_RULE and rule.first <= last.last + _MEETING:
            merged[-1] = Rule(last.place, last.first, max(last.last, rule.last))
        else:
            merged.append(rule)
    return merged


def _groups(horizontal: Sequence[Rule], vertical: Sequence[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """The rules that are connected by meeting each other."""
    rows, columns = list(horizontal), list(vertical)
    while rows:
        group: tuple[list[Rule], list[Rule]] = ([rows.pop()], [])
        found = True
        while found:
            crossing = [one for one in columns if any(_meet(row, one) for row in group[0])]
            columns = [one for one in columns if one not in crossing]
            group[1].extend(crossing)
            meeting = [one for one in rows if any(_meet(one, column) for column in crossing)]
            rows = [one for one in rows if one not in meeting]
            group[0].extend(meeting)
            found = bool(crossing or meeting)
        yield group


def _meet(row: Rule, column: Rule) -> bool:
    return (
        row.first - _MEETING <= column.place <= row.last + _MEETING
        and column.first - _MEETING <= row.place <= column.last + _MEETING
    )


def _edges(rules: Sequence[Rule]) -> list[float]:
    """The different places, in rising order."""
    edges: list[float] = []
    for place in sorted(rule.place for rule in rules):
        if not edges or place - edges[-1] > _SAME_RULE:
            edges.append(place)
    return edges
