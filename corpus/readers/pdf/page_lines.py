"""The lines of a PDF page with their places and fonts, from PDFium."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from ctypes import byref, c_double, c_int, create_string_buffer
from dataclasses import dataclass, field
from math import pi
from typing import Any

from corpus.types import Span

# In sizes of the font: words farther apart are in different columns or cells.
CELL_GAP = 1.5
# In sizes of the font: a piece that begins no farther to the right belongs to the line, as superscripts do.
_PIECE_GAP = 0.5
# In sizes of the font: between the mark of a list item and its text.
_MARK_GAP = 5.0
_MARK = re.compile(r"[^\w\s]|\(?\w{1,2}[.)]")
# In radians.
_UPRIGHT = 0.1
_WORD = re.compile("[^\\s\ufffe\x02]+")
# PDFium marks a hyphen at a line end by U+FFFE, some files by U+0002.
_HYPHEN_MARK = re.compile("[\ufffe\x02]")
_LINE_BREAK = re.compile("[\r\n\ufffe\x02]")
# In sizes of the font: the width of a narrow letter.
_NARROW = 0.4
_BOLD = re.compile(r"bold|black|heavy|demi|cmbx|-bd|medi\b", re.IGNORECASE)
_TYPEWRITER = re.compile(r"courier|mono|consolas|typewriter|cmtt", re.IGNORECASE)
_FIXED_PITCH = 1  # a font flag (PDF 32000-1, table 123)
_LONGEST_BOLD_LINE = 160  # in code points; a longer one is no heading
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_PRESENTATION_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
# Lam and alef are one glyph, whose two letters some files have in the wrong order. Two alefs never follow each other in Arabic.
_REVERSED_LAM_ALEF = re.compile("\u0627([\u0622\u0623\u0625\u0627])\u0644")


# The place of a vertical line, and its lower and upper end, in points.
Edge = tuple[float, float, float]


@dataclass(slots=True)
class Line:
    """A line, or the part of one in a column or cell. Places and sizes are in points, from the page's left and bottom edges.

    `size` is 0 if the place is unknown. `fixed`: its font is for typewriters and code. `hyphenated`: it ends within a word, whose
    hyphen is left out. `indices`: of its characters in PDFium, in pieces from start to end.
    """

    text: str
    left: float = 0.0
    right: float = 0.0
    base: float = 0.0
    size: float = 0.0
    bold: bool = False
    fixed: bool = False
    right_to_left: bool = False
    hyphenated: bool = False
    indices: list[Span] = field(default_factory=list)

    def has_place(self) -> bool:
        return self.size > 0


def page_lines(page: Any, edges: Sequence[Edge] = ()) -> list[Line]:
    """The non-empty lines in PDFium's order; none if PDFium cannot read the page. `edges`: of the columns of ruled tables."""
    import pypdfium2  # type: ignore[import-untyped]

    try:
        text_page = page.get_textpage()
        return lines_of(text_page, characters(text_page), edges)
    except pypdfium2.PdfiumError:
        return []


def characters(text_page: Any) -> str:
    """The text with a character for each of PDFium's indices."""
    text: str = text_page.get_text_range()
    return text if text_page.count_chars() == len(text) else _text_by_index(text_page.raw, text_page.count_chars())


def lines_of(text_page: Any, text: str, edges: Sequence[Edge] = ()) -> list[Line]:
    """The non-empty lines of a page with these characters, in PDFium's order."""
    lines = _Scanner(text_page.raw, text, edges).lines()
    for line in lines:
        line.text = _clean(line.text)
    return [line for line in lines if line.text.strip()]


def _text_by_index(text_page: Any, count: int) -> str:
    """The text with a character for each of PDFium's indices. Its own text lacks characters that it cannot name."""
    from pypdfium2 import raw

    codes = (raw.FPDFText_GetUnicode(text_page, index) for index in range(count))
    return "".join(chr(code) if 0 < code < 0xD800 or 0xE000 <= code < 0x110000 else " " for code in codes)


class _Scanner:
    """Goes through the words of a page and asks PDFium for as little as needed: each call takes about a microsecond."""

    def __init__(self, text_page: Any, text: str, edges: Sequence[Edge]) -> None:
        from pypdfium2 import raw

        self._edges = edges

        self._raw = raw
        self._page = text_page
        self._text = text
        self._box = raw.FS_RECTF()
        self._x, self._y = c_double(), c_double()
        self._name = create_string_buffer(128)
        self._flags = c_int()

    def lines(self) -> list[Line]:
        """The lines in PDFium's order. A word far from the one before it, or in another cell, begins another line at the same height."""
        lines: list[Line] = []
        text, box, box_at = self._text, self._box, self._raw.FPDFText_GetLooseCharBox
        reference = byref(box)
        begin = end = word_begin = 0  # of the line, and of the last word
        word_left = 0.0
        for word in _WORD.finditer(text):
            start = word.start()
            gap = text[end:start]
            if lines and (gap == " " or not _LINE_BREAK.search(gap)):
                line = lines[-1]
                box_at(self._page, start, reference)
                left = box.left
                # Where the last word surely ends in time, its right edge need not be known.
                is_near = 0 <= left - word_left < (_NARROW * (end - word_begin) + CELL_GAP) * line.size and end - begin > 3
                is_ruled = self._edges and self._is_ruled(word_left, left, line.base)
                if (
                    (is_ruled or not is_near)
                    and line.size
                    and not line.right_to_left
                    and (is_ruled or self._splits(line, begin, end, start))
                ):
                    self._finish(line, begin, end)
                    lines.append(Line("", left, left, line.base, line.size, line.bold, line.fixed))
                    begin = start
            else:
                hyphenated = bool(_HYPHEN_MARK.search(gap))
                if lines:
                    self._finish(lines[-1], begin, end, hyphenated)
                begin = start
                started = self._start(start, RIGHT_TO_LEFT.search(word[0]) is not None)
                left = started.left
                if lines and _continues(lines[-1], started):
                    lines[-1].text += "-" if hyphenated else " " if left - lines[-1].right > 0.15 * lines[-1].size else ""
                    lines[-1].hyphenated = False
                    lines[-1].size = max(lines[-1].size, started.size)
                else:
                    lines.append(started)
            end, word_begin, word_left = word.end(), start, left
        if lines:
            self._finish(lines[-1], begin, end)
        return lines

    def _is_ruled(self, left: float, right: float, base: float) -> bool:
        """Whether an edge stands between two words that begin at these places."""
        return any(left < place <= right and low < base < high for place, low, high in self._edges)

    def _splits(self, line: Line, begin: int, end: int, start: int) -> bool:
        """Whether the word at `start` is in another column or cell than the line from `begin` to `end`."""
        left: float = self._box.left
        is_mark = not line.text and _is_mark(self._text[begin:end])
        if is_mark:  # the font of the mark is not that of the text
            placed = self._start(start, False)
            line.size, line.bold = placed.size or line.size, placed.bold
        self._raw.FPDFText_GetLooseCharBox(self._page, end - 1, byref(self._box))
        return left - float(self._box.right) > (_MARK_GAP if is_mark else CELL_GAP) * line.size or left < line.left

    def _start(self, index: int, right_to_left: bool) -> Line:
        """A line without its text, which begins with a character."""
        angle = self._raw.FPDFText_GetCharAngle(self._page, index)
        if not (angle < _UPRIGHT or angle > 2 * pi - _UPRIGHT):
            return Line("")  # such as a stamp in the margin
        self._raw.FPDFText_GetLooseCharBox(self._page, index, byref(self._box))
        self._raw.FPDFText_GetCharOrigin(self._page, index, byref(self._x), byref(self._y))
        left, right, height = self._box.left, self._box.right, self._box.top - self._box.bottom
        size = self._raw.FPDFText_GetFontSize(self._page, index)
        # Some files scale a font of size 1.
        size = max(size if size > 1.5 else height, 0.1)
        return Line("", left, right, self._y.value, size, *self._font(index), right_to_left)

    def _font(self, index: int) -> tuple[bool, bool]:
        """Whether a character's font is bold, and whether it is one for typewriters."""
        length = self._raw.FPDFText_GetFontInfo(self._page, index, self._name, len(self._name), byref(self._flags))
        name = self._name.raw[: length - 1].decode("utf-8", "replace") if 1 < length <= len(self._name) else ""
        return bool(_BOLD.search(name)), bool(self._flags.value & _FIXED_PITCH or _TYPEWRITER.search(name))

    def _finish(self, line: Line, begin: int, end: int, hyphenated: bool = False) -> None:
        """Append the text between two indices to a line, and set what depends on its last character."""
        line.text += self._text[begin:end]
        line.indices.append((begin, end))
        line.hyphenated = hyphenated
        if line.size:
            self._raw.FPDFText_GetLooseCharBox(self._page, end - 1, byref(self._box))
            line.left, line.right = min(line.left, self._box.left), max(line.right, self._box.right)
            if line.fixed or (line.bold and len(line.text) <= _LONGEST_BOLD_LINE):
                bold, fixed = self._font(end - 1)
                line.bold, line.fixed = line.bold and bold, line.fixed and fixed
            else:
                line.bold = False
        if not hyphenated and len(line.text) > 2 and line.text[-1] in "-\u2010\u00ad" and line.text[-2].isalpha():
            line.text, line.hyphenated = line.text[:-1], True


def _continues(line: Line, started: Line) -> bool:
    """Whether a line that PDFium begins is a superscript or another piece of the line before it."""
    if not (line.has_place() and started.has_place()):
        return False
    gap = started.left - line.right
    size = max(line.size, started.size)
    return -0.2 * size < gap < _PIECE_GAP * size and abs(started.base - line.base) < 0.5 * size


def _is_mark(text: str) -> bool:
    """Whether the text is a bullet or the number of a list item."""
    return len(text) < 4 and bool(_MARK.fullmatch(text))


def _clean(text: str) -> str:
    text = " ".join(text.split())
    if not RIGHT_TO_LEFT.search(text):
        return text
    text = _PRESENTATION_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return _REVERSED_LAM_ALEF.sub("\u0627\u0644\\1", text)
