"""Reading order: columns whose lines PDFium gives row by row are read one after the other. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from corpus.readers.pdf.page_lines import Line

_FEWEST_ROWS = 3
# In code points: the mean length of the lines of a column of running text. Cells of a table are shorter.
_SHORTEST_PROSE = 22
# In sizes of the font.
_SAME_PLACE, _SAME_ROW = 1.5, 0.3


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines, with columns side by side taken apart, and those without a place, such as stamps in the margin, at the end."""
    placed = [line for line in lines if line.has_place()]
    return [*_by_columns(placed), *(line for line in lines if not line.has_place())]


def _by_columns(lines: Sequence[Line]) -> list[Line]:
    ordered: list[Line] = []
    run: list[list[Line]] = []
    for row in rows_in_order(lines):
        if len(row) > 1 and (not run or len(row) == len(run[0])):
            run.append(row)
            continue
        ordered += _take_apart(run)
        run = [row] if len(row) > 1 else []
        ordered += row if len(row) == 1 else ()
    return [*ordered, *_take_apart(run)]


def rows_in_order(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that follow each other from left to right at the same height."""
    rows: list[list[Line]] = []
    for line in lines:
        last = rows[-1][-1] if rows else None
        if last and last.has_place() and abs(last.base - line.base) < _SAME_ROW * last.size and line.left > last.right:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _take_apart(run: Sequence[list[Line]]) -> list[Line]:
    columns = list(zip(*run, strict=True))
    if len(run) >= _FEWEST_ROWS and all(map(_is_prose, columns)):
        return [line for column in columns for line in column]
    return [line for row in run for line in row]


def _is_prose(column: Sequence[Line]) -> bool:
    left = median(line.left for line in column)
    aligned = sum(abs(line.left - left) < _SAME_PLACE * line.size for line in column)
    is_long = sum(len(line.text) for line in column) >= _SHORTEST_PROSE * len(column)
    return aligned >= 0.7 * len(column) and (is_long or is_wrapped(column))


def is_wrapped(column: Sequence[Line]) -> bool:
    """Whether most lines go on with the sentence of the line before."""
    return sum(line.text[0].islower() and line.text[:2].isalpha() for line in column) > 0.5 * len(column)
