"""Headers, footers and page numbers: what many pages have in the same place. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from corpus.readers.pdf.page_lines import Line

# Lines at the top and bottom of a page that are looked at.
_DEEPEST = 3
# A line is repeated if this share of the pages has it, or if three pages in succession have it.
_SHARE = 0.3
_FEWEST_PAGES = 3
# In points: places that differ by less are the same.
_TOLERANCE = 6.0
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_PAGE_NUMBER = re.compile(r"\W*(?:(?:page|seite|p\.|página)\s*)?#(?:\s*(?:/|of|von|de|sur)\s*#)?\W*", re.IGNORECASE)

Key = tuple[str, int]


def drop_furniture(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """The pages without the headers, footers and page numbers that repeat."""
    edges = [_edge_lines(page) for page in pages]
    counts = Counter(key for edge in edges for key in {key for line in edge for key in _keys(line)})
    fewest = max(_FEWEST_PAGES, _SHARE * sum(1 for page in pages if page))
    runs = _in_succession(edges)

    def is_furniture(line: Line) -> bool:
        return any(counts[key] >= fewest or key in runs for key in _keys(line))

    kept = []
    for page, edge in zip(pages, edges, strict=True):
        dropped = {id(line) for line in edge if is_furniture(line)}
        kept.append([line for line in page if id(line) not in dropped])
    return kept


def _edge_lines(page: Sequence[Line]) -> list[Line]:
    """The lines of the first and last rows of a page."""
    placed = [line for line in page if line.has_place()]
    heights = sorted({round(line.base) for line in placed})
    if len(heights) < 2:
        return []
    low, high = heights[:_DEEPEST][-1], heights[-_DEEPEST:][0]
    return [line for line in placed if round(line.base) <= low or round(line.base) >= high]


def _keys(line: Line) -> tuple[Key, Key]:
    """The text without numbers, with its height in steps; two keys, because a height may lie at the edge of a step."""
    text = _NUMBER.sub("#", line.text.casefold())
    text = "#" if _PAGE_NUMBER.fullmatch(text) else text
    step = line.base / _TOLERANCE
    return (text, round(step) * 2), (text, round(step - 0.5) * 2 + 1)


def _in_succession(edges: Sequence[Sequence[Line]]) -> set[Key]:
    """The keys that three pages in succession have, or three odd or three even ones: the header of a chapter."""
    found: set[Key] = set()
    on_page = [{key for line in edge for key in _keys(line)} for edge in edges]
    for step in (1, 2):
        for first, second, third in zip(on_page, on_page[step:], on_page[2 * step :], strict=False):
            found |= first & second & third
    return found
