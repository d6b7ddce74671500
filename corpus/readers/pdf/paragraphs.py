"""Paragraphs from lines: what is joined, with which white space, and what is a heading. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from corpus.readers.pdf.hyphens import Words
from corpus.readers.pdf.page_lines import RIGHT_TO_LEFT, Line

# In line pitches of the page: a larger step starts a paragraph.
_PARAGRAPH_STEP = 1.4
# In sizes of the font: lines farther apart are not of one paragraph, even on a page with no closer ones.
_WIDEST_PITCH = 2.0
# Minimum font size of a heading, relative to the body text.
_HEADING_SIZE = 1.15
# In sizes of the font.
_INDENT = (0.8, 5.0)
# In code points.
_MAX_HEADING, _MAX_BOLD_HEADING = 200, 120
# A document with more bold text has no bold headings.
_MOST_BOLD = 0.4
_ENDS_SENTENCE = re.compile(r"[.!?:;…。！？؟۔।]['\"’”»)\]]*$")
_LIST_MARK = re.compile(r"(?:[-*•–·‣▪◦+●○■□✓✔→\uf0a7\uf0b7]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)])\s")
_BOLD_HEADING = re.compile(r"[\dA-ZÀ-ÞА-Я].*[^.,;!]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or a heading with its level."""

    text: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Fonts:
    """What the fonts of a document's headings are. `levels`: by rounded size, the largest has level 1."""

    body: float
    levels: dict[int, int]
    has_bold_headings: bool

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]]) -> Fonts:
        letters: Counter[int] = Counter()
        bold = total = 0
        for line in (line for page in pages for line in page):
            letters[round(line.size)] += len(line.text)
            bold, total = bold + line.bold * len(line.text), total + len(line.text)
        body = letters.most_common(1)[0][0] if letters else 0
        larger = sorted((size for size in letters if body and size >= body * _HEADING_SIZE), reverse=True)
        levels = {size: min(level, 6) for level, size in enumerate(larger, start=1)}
        return cls(body, levels, 0 < bold < _MOST_BOLD * total)

    def level(self, lines: Sequence[Line], text: str) -> int | None:
        """The level of a paragraph that is a heading."""
        if len(text) > _MAX_HEADING or not any(character.isalpha() for character in text):
            return None
        level = self.levels.get(round(lines[0].size))
        if level is None and self.has_bold_headings and all(line.bold for line in lines) and lines[0].size >= 0.95 * self.body:
            is_heading = len(text) <= _MAX_BOLD_HEADING and _BOLD_HEADING.fullmatch(text) and not _LIST_MARK.match(text)
            level = min(len(self.levels) + 1, 6) if is_heading else None
        return level


def blocks(lines: Sequence[Line], fonts: Fonts, words: Words) -> Iterator[Block]:
    """The paragraphs and headings of a page."""
    edges = _column_edges(lines)
    pitch = _pitch(lines)
    paragraph: list[Line] = []
    text = ""
    for place, line in enumerate(lines):
        if paragraph:
            before = paragraph[-1]
            is_full = _is_full(before, line, *edges[place - 1])
            if before.hyphenated and before.bold == line.bold:
                text += words.joint(text, line.text) + line.text
                paragraph.append(line)
                continue
            if not _starts_paragraph(before, line, pitch, is_full):
                text += ("-" if before.hyphenated else "") + (" " if is_full and not _LIST_MARK.match(line.text) else "\n")
                text += line.text
                paragraph.append(line)
                continue
            yield _block(paragraph, text, fonts)
        paragraph, text = [line], line.text
    if paragraph:
        yield _block(paragraph, text, fonts)


def _block(paragraph: Sequence[Line], text: str, fonts: Fonts) -> Block:
    text += "-" if paragraph[-1].hyphenated else ""
    return Block(text, fonts.level(paragraph, text))


def _starts_paragraph(before: Line, line: Line, pitch: float, is_full: bool) -> bool:
    if round(before.size) != round(line.size):
        return True
    if not (before.has_place() and line.has_place()):
        return False
    if before.bold != line.bold and (not is_full or _ENDS_SENTENCE.search(before.text)):
        return True
    step = before.base - line.base
    if step < -0.5 * line.size:  # the next column, where the paragraph may continue
        return bool(_ENDS_SENTENCE.search(before.text)) or not line.text[0].islower()
    if step > _PARAGRAPH_STEP * min(max(pitch, line.size), _WIDEST_PITCH * line.size):
        return True
    indent = (line.left - before.left) / line.size
    return _INDENT[0] < indent < _INDENT[1] and bool(_ENDS_SENTENCE.search(before.text)) and not is_full


def _is_full(before: Line, line: Line, left: float, right: float) -> bool:
    """Whether the next line's first word has no room in a line, so that the line ends where the column does."""
    if before.fixed or not (before.has_place() and line.has_place()):
        return False
    word = len(line.text.partition(" ")[0]) + 1
    width = word * (line.right - line.left) / max(len(line.text), 1)
    return before.left - width < left if RIGHT_TO_LEFT.search(before.text) else before.right + width > right


def _column_edges(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """The left and right edges of the column of each line: of the lines of its size that follow one another downwards."""
    edges: list[tuple[float, float]] = []
    run: list[Line] = []
    for line in lines:
        if run and not _is_below(run[-1], line):
            edges += [(min(one.left for one in run), max(one.right for one in run))] * len(run)
            run = []
        run.append(line)
    return edges + [(min(one.left for one in run), max(one.right for one in run))] * len(run) if run else edges


def _is_below(before: Line, line: Line) -> bool:
    is_overlapping = line.left < before.right and before.left < line.right
    return round(before.size) == round(line.size) and is_overlapping and 0 < before.base - line.base < 6 * line.size


def _pitch(lines: Sequence[Line]) -> float:
    """The distance between lines: the lower quartile of all steps, because some steps are between paragraphs."""
    steps = [before.base - line.base for before, line in pairwise(lines)]
    steps_down = sorted(step for step, line in zip(steps, lines, strict=False) if step > line.size / 2)
    return steps_down[len(steps_down) // 4] if steps_down else 0.0
