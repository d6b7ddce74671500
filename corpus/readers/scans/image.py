"""Reads images (PNG, JPEG, TIFF, GIF) by OCR: a page per image."""

from __future__ import annotations

from corpus.readers.builder import TextBuilder
from corpus.readers.detection import IMAGES
from corpus.readers.scans.recogniser import Recogniser
from corpus.types import OCR, Document, NeedsOcr, ReadError


class ImageReader:
    """`recogniser`: None where OCR is not to be used; then every image is refused."""

    def __init__(self, recogniser: Recogniser | None = None) -> None:
        self._recogniser = recogniser

    def read(self, data: bytes, name: str) -> Document:
        kind = next((kind for start, kind in IMAGES.items() if data.startswith(start)), "an")
        if self._recogniser is None:
            raise NeedsOcr(f"{name} is {kind} image")
        builder = TextBuilder()
        count = 0
        for paragraphs in self._recogniser.images(data):
            count += 1
            builder.start_page()
            for paragraph in paragraphs:
                builder.block(paragraph)
        if not count:
            raise ReadError(
                f"{name} is {kind} image that is damaged or very large; save it again, with 300 pixels per inch at most"
            )
        if not builder.text:
            raise ReadError(f"{name} is {kind} image in which OCR finds no text; there is nothing to search")
        return Document(text=builder.text, title="", pages=builder.pages, type="image", metadata={OCR: "all pages"})
