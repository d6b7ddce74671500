"""The pages of found passages that may go over the end of a page, so that a quote's own page can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.engine import EngineView
from index.lru import LRU
from index.types import DamagedRow, StoredDocument, StoredPassage

# Documents whose pages are kept in memory: a number per page.
_KEPT = 256


class QuotePages:
    """Thread safe."""

    def __init__(self) -> None:
        self._kept: LRU[tuple[str, str], tuple[int, ...]] = LRU(_KEPT)

    def attach(
        self, engine: EngineView, found: Sequence[StoredPassage], neighbours: Sequence[StoredPassage]
    ) -> list[StoredPassage]:
        """The passages, with the pages of their documents where a quote may begin on another page than its passage.

        `neighbours`: the passages before and after them. One that begins on the same page shows that none ends between.
        """
        around = {stored.id: stored for stored in (*found, *neighbours)}
        return [
            replace(stored, pages=self._pages(engine, stored.document)) if _may_leave_page(stored, around) else stored
            for stored in found
        ]

    def _pages(self, engine: EngineView, document: StoredDocument) -> tuple[int, ...]:
        """Where the document's pages begin; empty if it was changed meanwhile or cannot be read."""
        key = (document.id, document.version)
        pages = self._kept.get(key)
        if pages is None:
            try:
                content = engine.content(document.id)
            except DamagedRow:
                content = None
            if content is None or content.version != document.version:
                return ()
            pages = content.pages
            self._kept.put(key, pages)
        return pages


def _may_leave_page(stored: StoredPassage, around: dict[int, StoredPassage]) -> bool:
    page, number = stored.passage.page, stored.document.number
    beside = (around.get(stored.id - 1), around.get(stored.id + 1))
    return page is not None and any(
        other is None or other.document.number != number or other.passage.page != page for other in beside
    )
