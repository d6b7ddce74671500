"""The words of an answer in blocks for a template, with the span marked. static/quote.js does the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from corpus.types import Span

_NUMBERED = re.compile(r"\(?\d|step \d", re.IGNORECASE)
_ENCLOSED_ROW = re.compile(r"\s*\|(.*)\|\s*", re.DOTALL)

# Text, with whether it belongs to the span.
Piece = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or list: `tag` is p, ul or ol; `lines` has the paragraph or the items, each in pieces."""

    tag: str
    lines: list[Sequence[Piece]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table row with its column's head."""

    head: str
    pieces: Sequence[Piece]


def quote_line(quote: Mapping[str, Any]) -> Sequence[Piece]:
    """The words of one of `answers` or `units`."""
    return _pieces(quote, quote["start"], quote["end"])


def quote_blocks(quote: Mapping[str, Any]) -> Sequence[Block]:
    """The blocks of one of `answers`, without the white space between them."""
    blocks: list[Block] = []
    position = quote["start"]
    for item in quote["items"]:
        blocks += _paragraph(quote, position, item["start"])
        pieces = _pieces(quote, item["start"], item["end"])
        tag = "ol" if _NUMBERED.match("".join(text for text, _ in pieces)) else "ul"
        if not blocks or blocks[-1].tag != tag:
            blocks.append(Block(tag, []))
        blocks[-1].lines.append(pieces)
        position = item["end"]
    return [*blocks, *_paragraph(quote, position, quote["end"])]


def quote_cells(quote: Mapping[str, Any]) -> Sequence[Cell]:
    """The cells of one of `answers` that is a table row; empty if it is not, or if not every cell has a head."""
    if quote["kind"] != "row":
        return ()
    lead_in, start = quote["lead_in"], quote["start"]
    heads, cells = _cells(lead_in), _cells(quote["text"])
    if len(heads) != len(cells):
        return ()
    return [
        Cell(lead_in[first:last], _pieces(quote, start + begin, start + end))
        for (first, last), (begin, end) in zip(heads, cells, strict=True)
    ]


def _paragraph(quote: Mapping[str, Any], start: int, end: int) -> Sequence[Block]:
    """The text between two offsets as a block; none if that is blank."""
    text = quote["text"][start - quote["start"] : end - quote["start"]]
    begin = start + len(text) - len(text.lstrip())
    return [Block("p", [_pieces(quote, begin, begin + len(text.strip()))])] if text.strip() else []


def _pieces(quote: Mapping[str, Any], start: int, end: int) -> Sequence[Piece]:
    text, base, span = quote["text"], quote["start"], quote["span"] or {"start": start, "end": start}
    first, last = (min(max(offset, start), end) for offset in (span["start"], span["end"]))
    pieces = [(text[a - base : b - base], place == 1) for place, (a, b) in enumerate(pairwise((start, first, last, end)))]
    return [piece for piece in pieces if piece[0]]


def _cells(row: str) -> Sequence[Span]:
    """The cells of a row that "|" separates, without the white space around them. The whole row may stand between two more "|"."""
    enclosed = _ENCLOSED_ROW.fullmatch(row)
    position, end = enclosed.span(1) if enclosed else (0, len(row))
    cells: list[Span] = []
    for cell in row[position:end].split("|"):
        start = position + len(cell) - len(cell.lstrip())
        cells.append((start, start + len(cell.strip())))
        position += len(cell) + 1
    return cells
