"""Finds the caption, the column heads and the rows of an HTML table, with merged cells in each column and row that they span. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from selectolax.lexbor import LexborNode

# Columns to which merged cells are spread, and code points of text that is repeated in the rows that it spans: a page of a few bytes
# for each cell must not become a text that is thousands of times as long.
MAX_COLUMNS = 64
LONGEST_REPEATED = 200

TextOf = Callable[[LexborNode], str]


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """`rows`: the texts of the cells. `head_rows`: how many of the first rows have column heads; 0 if the page marks none."""

    caption: str
    rows: Sequence[Sequence[str]]
    head_rows: int


@dataclass(slots=True)
class _Merged:
    """The text of a cell, and how many rows below it spans."""

    text: str
    rows: int


def read_table(table: LexborNode, text_of: TextOf) -> HtmlTable:
    """A data table. `text_of`: the text of an element on one line. Column heads are leading rows in a `thead`, of `th` or all bold."""
    captions = list(filter(None, map(text_of, table.css("caption"))))
    elements = [(row, [cell for cell in row.iter() if cell.tag in ("td", "th")]) for row in table.css("tr")]
    elements = [(row, cells) for row, cells in elements if cells]
    heads = sum(1 for _ in takewhile(lambda element: _is_head(*element, text_of), elements))
    rows = _spread((cells for _, cells in elements), heads, text_of)
    while heads > 1 and len(set(filter(None, rows[0]))) == 1 and len(rows[0]) > 1:  # a title above the heads
        captions.append(next(filter(None, rows.pop(0))))
        heads -= 1
    return HtmlTable(" ".join(captions), rows, heads if heads < len(rows) else 0)


def _is_head(row: LexborNode, cells: Sequence[LexborNode], text_of: TextOf) -> bool:
    parent = row.parent
    if (parent is not None and parent.tag == "thead") or all(cell.tag == "th" for cell in cells):
        return True
    texts = [(cell, text) for cell in cells if (text := text_of(cell))]
    return len(texts) > 1 and all(cell.tag == "th" or text == _bold_text(cell, text_of) for cell, text in texts)


def _bold_text(cell: LexborNode, text_of: TextOf) -> str:
    return " ".join(text_of(bold) for bold in cell.css("b,strong"))


def _spread(rows: Iterable[Sequence[LexborNode]], head_rows: int, text_of: TextOf) -> list[list[str]]:
    """The texts of all cells. A head stands above each of its columns, a merged cell in each of its rows."""
    spread: list[list[str]] = []
    merged: dict[int, _Merged] = {}  # column -> a cell above
    for number, row in enumerate(rows):
        texts: list[str] = []
        for cell in row:
            _add_merged(texts, merged)
            text = text_of(cell)
            columns = max(min(_number(cell, "colspan"), MAX_COLUMNS - len(texts)), 1)
            below = _number(cell, "rowspan") - 1
            if below > 0 and len(text) <= LONGEST_REPEATED:
                merged |= {len(texts) + column: _Merged(text if column == 0 else "", below) for column in range(columns)}
            texts += [text, *[text if number < head_rows else ""] * (columns - 1)]
        _add_merged(texts, merged)
        spread.append(texts)
    return spread


def _add_merged(texts: list[str], merged: dict[int, _Merged]) -> None:
    """Add the texts of cells above that span this row, from its next column on."""
    while (above := merged.get(len(texts))) is not None:
        above.rows -= 1
        if not above.rows:
            del merged[len(texts)]
        texts.append(above.text)


def _number(cell: LexborNode, attribute: str) -> int:
    value = (cell.attributes.get(attribute) or "").strip()
    return int(value) if value.isdecimal() and len(value) < 6 else 1
