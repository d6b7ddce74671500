"""Tables, found by the lines drawn around their cells, or by the alignment of the cells. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from corpus.readers.pdf.columns import is_wrapped, rows_in_order
from corpus.readers.pdf.hyphens import Words
from corpus.readers.pdf.page_lines import CELL_GAP, Line
from corpus.readers.pdf.rules import Grid, Rules, cells_of, grids

_FEWEST_ROWS = 3
_MOST_COLUMNS = 30
# In sizes of the font.
_SAME_ROW, _SAME_PLACE, _LARGEST_STEP, _HIGHEST_HEADS = 0.4, 0.8, 3.0, 4.0
# In code points: the longest mean of a column. With two columns, the second holds values.
_LONGEST_CELL, _LONGEST_VALUE = 60, 30
# Share of the rows that have most of the columns, and of the cells that are aligned.
_FULL_ROWS, _ALIGNED = 0.5, 0.7


@dataclass(frozen=True, slots=True)
class FoundTable:
    """The cells of a table row by row, and the lines that they consist of."""

    rows: list[list[str]]
    lines: list[Line]


def find_tables(lines: Sequence[Line], rules: Rules, words: Words) -> list[FoundTable]:
    """The tables of a page: those that are ruled, then rows with two or more cells that stand below each other.

    Of the latter first those whose cells follow each other in the file, then those whose rows are found by their heights alone.
    """
    ruled = [table for grid in grids(rules) if (table := _ruled_table(grid, lines, words))]
    used = {id(line) for table in ruled for line in table.lines}
    lines = [line for line in lines if id(line) not in used]
    tables = ruled + [table for run in _runs(rows_in_order(lines)) if (table := _table(_heads(run, lines) + run))]
    used = {id(line) for table in tables for line in table.lines}
    rest = [line for line in lines if line.has_place() and id(line) not in used]
    return tables + [table for run in _runs(_rows_by_height(rest)) if (table := _table(run))]


def _ruled_table(grid: Grid, lines: Sequence[Line], words: Words) -> FoundTable | None:
    cells, of_table = cells_of(grid, lines)
    return FoundTable([[_cell_text(cell, words) for cell in row] for row in cells], of_table) if cells else None


def _cell_text(lines: Sequence[Line], words: Words) -> str:
    """The lines of a cell on one line."""
    text = ""
    for before, line in zip([None, *lines], lines, strict=False):
        text += (words.joint(text, line.text) if before.hyphenated else " ") + line.text if before else line.text
    return text


def _rows_by_height(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines at the same height, from left to right; rows from top to bottom."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: -line.base):
        if rows and abs(rows[-1][0].base - line.base) < _SAME_ROW * min(rows[-1][0].size, line.size):
            rows[-1].append(line)
        else:
            rows.append([line])
    for row in rows:
        row.sort(key=lambda line: line.left)
    return rows


def _runs(rows: Sequence[list[Line]]) -> Iterator[list[list[Line]]]:
    """Rows close to each other, from the first to the last with several cells."""
    run: list[list[Line]] = []
    alone = 0
    for row in rows:
        is_near = run and 0 < run[-1][0].base - row[0].base < _LARGEST_STEP * row[0].size
        if run and (not is_near or (len(row) == 1 and alone == 2)):
            yield run[: len(run) - alone]
            run, alone = [], 0
        if len(row) > 1 or run:
            run.append(row)
            alone = alone + 1 if len(row) == 1 else 0
    if run:
        yield run[: len(run) - alone]


def _table(run: Sequence[list[Line]]) -> FoundTable | None:
    full = [row for row in run if len(row) > 1]
    if len(full) < _FEWEST_ROWS:
        return None
    widest = Counter(map(len, full)).most_common(1)[0][0]
    columns = _columns([row for row in full if len(row) == widest])
    if not 2 <= len(columns) <= _MOST_COLUMNS or len(columns) != widest:
        return None
    placed = [[(_column(line, columns), line) for line in row] for row in run]
    if not _is_table(placed, len(columns)):
        return None
    return FoundTable(_join_lines(placed, len(columns)), [line for row in run for line in row])


def _heads(run: Sequence[list[Line]], lines: Sequence[Line]) -> list[list[Line]]:
    """Rows of column heads above a run, whose lines do not follow each other in the file: parts of two or more cells."""
    columns = _columns(run)
    first = run[0][0]
    above = [
        line
        for line in lines
        if 0.5 * line.size < line.base - first.base < _HIGHEST_HEADS * line.size
        and line.left < columns[-1][1]
        and sum(line.left < right and left < line.right for left, right in columns) == 1
    ]
    return _rows_by_height(above) if len({_column(line, columns) for line in above}) > 1 else []


def _columns(rows: Sequence[list[Line]]) -> list[tuple[float, float]]:
    """The stretches of the page's width that cells cover, with free space between them."""
    columns: list[tuple[float, float]] = []
    for line in sorted((line for row in rows for line in row), key=lambda line: line.left):
        if columns and line.left < columns[-1][1] + 0.3 * line.size:
            columns[-1] = (columns[-1][0], max(columns[-1][1], line.right))
        else:
            columns.append((line.left, line.right))
    return columns


def _column(line: Line, columns: Sequence[tuple[float, float]]) -> int:
    """The column that the line covers most of, or else the nearest."""
    return max(
        range(len(columns)),
        key=lambda place: min(line.right, columns[place][1]) - max(line.left, columns[place][0]),
    )


def _is_table(rows: Sequence[Sequence[tuple[int, Line]]], width: int) -> bool:
    if sum(len(row) * 2 > width for row in rows) < _FULL_ROWS * len(rows):
        return False
    for column in range(width):
        cells = [line for row in rows for place, line in row if place == column]
        longest = _LONGEST_VALUE if width == 2 and column else _LONGEST_CELL
        if (
            not cells
            or sum(len(line.text) for line in cells) > longest * len(cells)
            or is_wrapped(cells)
            or not _is_aligned(cells)
        ):
            return False
    return True


def _is_aligned(cells: Sequence[Line]) -> bool:
    """Whether the left edges, the right edges or the centres are below each other."""
    places = [(line.left, line.right, (line.left + line.right) / 2) for line in cells]
    for edge in zip(*places, strict=True):
        middle = median(edge)
        near = sum(abs(place - middle) < _SAME_PLACE * line.size for place, line in zip(edge, cells, strict=True))
        if near >= _ALIGNED * len(cells):
            return True
    return False


def _join_lines(rows: Sequence[Sequence[tuple[int, Line]]], width: int) -> list[list[str]]:
    """The rows of cells. A line without a first cell that is closer than rows are belongs to the row before, or to the first row."""
    steps = [upper[0][1].base - lower[0][1].base for upper, lower in pairwise(rows)]
    usual = median(steps)
    joined: list[list[str]] = []
    is_joined = False
    for row, step in zip(rows, [0.0, *steps], strict=True):
        cells = [""] * width
        for column, line in row:
            cells[column] = f"{cells[column]} {line.text}".strip()
        is_part = joined and (not cells[0] or len(row) == 1) and step < 0.85 * usual
        is_head = (
            len(joined) == 1
            and not is_joined
            and sum(map(bool, joined[0])) == 1 < len(row)
            and step < CELL_GAP * row[0][1].size
        )
        if is_part or is_head:
            joined[-1] = [" ".join(filter(None, pair)) for pair in zip(joined[-1], cells, strict=True)]
        else:
            joined.append(cells)
        is_joined = bool(is_part or is_head)
    return joined
