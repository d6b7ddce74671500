"""Draws the pages of kept PDF files, one at a time in a process, and keeps the images used last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from corpus.readers.pdf.page_view import PageView
from corpus.sandbox.pages import page_image, page_view
from corpus.types import ReadError, Span
from index.engine import EngineView
from index.lru import LRU
from index.types import StoredDocument
from qa.ingest.parts import PART_OF
from qa.web.schemas.problems import Problem
from qa.web.server.admission import release_slot

# Images in memory, of at most 7 MB each; a page of text has 0.4 MB.
_CACHED = 12
# Seconds until a request gives up while others draw.
_LONGEST_WAIT = 20.0


class PageImages:
    """Thread safe. Each page is drawn in a process of its own: `corpus/sandbox/pages.py`."""

    def __init__(self) -> None:
        self._images: LRU[tuple[str, str, int], bytes] = LRU(_CACHED)
        self._turn = BoundedSemaphore()

    def image(self, engine: EngineView, document: StoredDocument, number: int) -> bytes:
        """A page as PNG. Raises ReadError, and Problem 503 if too many are being drawn."""
        attachment = _attachment(document)
        key = (str(document.original), attachment, number)
        image = self._images.get(key)
        if image is None:
            with self._file(engine, document) as (content, name):
                image = page_image(content, name, number, attachment)
            self._images.put(key, image)
        return image

    def view(self, engine: EngineView, document: StoredDocument, number: int, text: str, quote: Span) -> PageView:
        """The size of a page's image and the boxes of a quote in its stored `text`. Raises as `image` does."""
        with self._file(engine, document) as (content, name):
            return page_view(content, name, number, text, quote, _attachment(document))

    @contextmanager
    def _file(self, engine: EngineView, document: StoredDocument) -> Iterator[tuple[bytes, str]]:
        """The kept file and its name, when it is this request's turn."""
        release_slot()
        if not self._turn.acquire(timeout=_LONGEST_WAIT):
            raise Problem(503, "Too many pages are being drawn; retry in 5 seconds.", headers={"Retry-After": "5"})
        try:
            content = engine.original(document.id)
            if content is None:
                raise ReadError("the file is no longer kept")
            yield content, document.file_name or document.id
        finally:
            self._turn.release()


def _attachment(document: StoredDocument) -> str:
    """The id of a document whose kept file is the message that it is attached to; "" for others."""
    return document.id if PART_OF in document.metadata else ""
