"""Turns scanned pages and images into paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from math import sqrt
from typing import Any

from corpus.readers.pdf.hyphens import Words
from corpus.readers.pdf.page_lines import Line
from corpus.readers.pdf.rules import count_objects
from corpus.readers.scans.tesseract import Tesseract, Word

# In pixels per inch, and pixels of a page. An A4 page has 8.7 million at this resolution, for which Tesseract is trained.
_RESOLUTION, _MAX_PIXELS = 300, 12_000_000
_POINTS_PER_INCH = 72
# Of 100, the mean of a paragraph's words: a less certain one is a picture or a rule that was taken for letters.
_LEAST_CONFIDENCE = 40
_HYPHENS = "-\u2010\u00ad"


class Recogniser:
    """Reads images. Not thread safe."""

    def __init__(self) -> None:
        """Raises OcrMissing."""
        self._tesseract = Tesseract()

    def page(self, page: Any) -> Sequence[str]:
        """The paragraphs of a page of PDFium."""
        if not count_objects(page):
            return ()
        width, height = (max(side, 1.0) for side in page.get_size())
        scale = min(_RESOLUTION / _POINTS_PER_INCH, sqrt(_MAX_PIXELS / (width * height)))
        bitmap = page.render(scale=scale, grayscale=True)
        try:
            resolution = max(round(scale * _POINTS_PER_INCH), 70)
            words = self._tesseract.words(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, resolution)
        finally:
            bitmap.close()
        return list(_paragraphs(words))

    def images(self, data: bytes) -> Iterator[Sequence[str]]:
        """The paragraphs of each image of a file."""
        for words in self._tesseract.words_of_images(data):
            yield list(_paragraphs(words))


def _paragraphs(words: Sequence[Word]) -> Iterator[str]:
    paragraphs = [list(group) for _, group in groupby(words, key=lambda word: word.paragraph)]
    certain = [group for group in paragraphs if sum(word.confidence for word in group) >= _LEAST_CONFIDENCE * len(group)]
    joined: list[list[Line]] = []
    for group in certain:
        lines = [_line(list(line)) for _, line in groupby(group, key=lambda word: word.line)]
        if joined and joined[-1][-1].hyphenated:  # a word is not divided between two paragraphs
            joined[-1] += lines
        else:
            joined.append(lines)
    known = Words(joined)
    for lines in joined:
        text = lines[0].text
        for before, line in pairwise(lines):
            text += (known.joint(text, line.text) if before.hyphenated else " ") + line.text
        yield text + ("-" if lines[-1].hyphenated else "")


def _line(words: Sequence[Word]) -> Line:
    text = " ".join(word.text for word in words)
    hyphenated = len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha()
    return Line(text[:-1] if hyphenated else text, hyphenated=hyphenated)
