"""Lists of stored documents: which, in what order, and a page of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from index.filters import Filter
from index.types import StoredDocument

DocumentState = Literal["ready", "updating", "failed"]
SortKey = Literal["id", "title", "file_name", "type", "date", "language", "added", "changed"]


@dataclass(frozen=True, slots=True)
class DocumentQuery:
    """Which stored documents to list, and in what order.

    `title`: words that title or file name must contain, as parts. `date_from`, `date_to`: bounds of the date, inclusive; "2025" includes
    the year. `state`: updating while a job of the document is unfinished, failed if one has failed. `after`: the sort value and number of
    the last document of the page before. `allowed`: None is no filter.
    """

    title: str = ""
    type: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    state: DocumentState | None = None
    sort: SortKey = "title"
    descending: bool = False
    after: tuple[str, int] | None = None
    limit: int = 100
    allowed: Filter | None = None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """`next`: the `after` of the next page, None on the last. `total`: number of documents of all pages."""

    documents: Sequence[StoredDocument]
    next: tuple[str, int] | None
    total: int
