"""Finds paragraphs, lists and tables in text whose lines are those of `corpus.readers`. Pure.

A list item starts with a bullet or a number, a table row has cells separated by "|". Blank lines end a paragraph and a table, but not a
list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from corpus.splitting.sentences import paragraph_spans, sentence_spans, trim
from corpus.types import Span

CACHED_TEXTS = 512  # about 3 kB each

_BULLET = re.compile(r"[ \t]*(?:[-*•–·‣▪◦+●○■□✓✔→]|\(?(?:[a-zA-Z]|[ivx]{1,5})[.)])\s+")
_NUMBER = re.compile(r"[ \t]*(?:\(?\d{1,3}[.)]|[Ss]tep \d{1,3}[:.]?)\s+")
_ROW = re.compile(r"[ \t]*\S.*?(?:\s\||\|\s).*|[ \t]*\|.*")
_RULE_ROW = re.compile(r"[\s|:+=-]+")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text without list items, as its sentences."""

    sentences: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Items:
    """A list. `items`: without their bullets or numbers' leading white space. `numbered`: a procedure's steps."""

    items: Sequence[Span]
    numbered: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """A table. `rows`: without lines of dashes."""

    rows: Sequence[Span]


Block = Paragraph | Items | Rows


@dataclass(slots=True)
class _Lines:
    """Consecutive lines of one kind: "text", "bullet", "number" or "row"."""

    kind: str
    spans: list[Span] = field(default_factory=list)


@lru_cache(maxsize=CACHED_TEXTS)
def blocks(text: str) -> Sequence[Block]:
    """The blocks of a text in its order. Cached, because the same passages are found again and again."""
    found: list[Block] = []
    for start, end in paragraph_spans(text, 0, len(text)):
        for lines in _runs(text, start, end):
            block = _block(text, lines)
            last = found[-1] if found else None
            if isinstance(block, Items) and isinstance(last, Items) and block.numbered == last.numbered:
                found[-1] = Items([*last.items, *block.items], block.numbered)  # a list with blank lines between its items
            else:
                found.append(block)
    return tuple(found)


def _runs(text: str, start: int, end: int) -> Iterator[_Lines]:
    """The runs of lines of one kind in a paragraph; a line of text after a list item belongs to it."""
    run: _Lines | None = None
    position = start
    while position < end:
        newline = text.find("\n", position, end)
        line_end = end if newline < 0 else newline
        span = trim(text, position, line_end)
        kind = _kind(text, *span)
        if run is not None and kind == "text" and run.kind in ("bullet", "number"):
            run.spans[-1] = (run.spans[-1][0], span[1])
        elif run is not None and kind == run.kind:
            run.spans.append(span)
        else:
            if run is not None:
                yield run
            run = _Lines(kind, [span])
        position = line_end + 1
    if run is not None:
        yield run


def _kind(text: str, start: int, end: int) -> str:
    if _ROW.fullmatch(text, start, end) or ("|" in text[start:end] and _RULE_ROW.fullmatch(text, start, end)):
        return "row"
    if _NUMBER.match(text, start, end):
        return "number"
    return "bullet" if _BULLET.match(text, start, end) else "text"


def _block(text: str, lines: _Lines) -> Block:
    if lines.kind == "text":
        return Paragraph(sentence_spans(text, lines.spans[0][0], lines.spans[-1][1]))
    if lines.kind == "row":
        return Rows([span for span in lines.spans if not _RULE_ROW.fullmatch(text, *span)])
    return Items(lines.spans, lines.kind == "number")
