"""Points in time: views of the index that do not change, shared by the questions between two changes.

Every commit raises a counter of the cluster before it is acknowledged. A view is as good as a new one while the counter has the value
that it had before the view was opened; so a question in any process finds what was acknowledged before it, and what was removed it does
not find.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from index.access.audience import Audience
from index.filters import Filter
from index.opensearch.connection import READ_SECONDS, Connection, SearchFailed
from index.opensearch.documents.mapping import CHANGES
from index.opensearch.documents.queries import Totals
from index.opensearch.documents.records import Records
from index.opensearch.health import PATIENCE_SECONDS
from index.types import EngineUnavailable, StoreError

KEEP_ALIVE = "2m"
# A view is given up then, so that a change whose process died before it was counted is seen too. Document frequencies live as long.
MAX_AGE = 60.0

Search = Mapping[str, Any]
# Makes searches for a view, which may know some of what they ask for.
MakeSearches = Callable[["View"], Sequence[Search]]


@dataclass
class View:
    """A point in time of the index, as of `changes`, and what was counted in it, for each audience.

    `partial`: without shards that are missing.
    """

    id: str
    changes: int
    opened: float
    partial: bool = False
    users: int = 0
    frequencies: dict[Audience | None, dict[str, int]] = field(default_factory=dict)
    totals: dict[Filter | None, Totals] = field(default_factory=dict)


class Views:
    """Opens views, shares the newest and closes those that nobody uses. Several threads may use it at once."""

    def __init__(self, connection: Connection, records: Records) -> None:
        self._connection, self._records = connection, records
        self._lock = threading.Lock()
        self._newest: View | None = None
        # Asks for the counter while the cluster searches, and closes views.
        self.pool = ThreadPoolExecutor(8, "cluster")

    def changes(self) -> int:
        """How often the documents have changed."""
        return self._connection.counter(CHANGES)

    def share_newest(self) -> View | None:
        """The newest view, which may be out of date; None if there is none that is young. Give it back with `release`."""
        partial = self._records.health.lacks_shards()
        with self._lock:
            newest = self._newest
            if newest is None or time.monotonic() - newest.opened > MAX_AGE or newest.partial != partial:
                return None
            newest.users += 1
            return newest

    def open(self) -> View:
        """A view of everything acknowledged before this call. Give it back with `release`."""
        changes = self.changes()
        newest = self.share_newest()
        if newest and newest.changes >= changes:
            return newest
        if newest:
            self.release(newest)
        view = self._create(changes)
        with self._lock:
            replaced = self._newest
            if replaced is None or replaced.changes <= changes:
                self._newest = view
        if replaced and not replaced.users:
            self._close(replaced)
        return view

    def _create(self, changes: int) -> View:
        """Raises SearchFailed if shards are missing, and again without them."""
        began, health = time.monotonic(), self._records.health
        partial = health.lacks_shards()
        path = f"/{self._records.index}/_search/point_in_time"
        params = {"keep_alive": KEEP_ALIVE, "allow_partial_pit_creation": str(partial).lower()}
        try:
            opened = self._connection.request(
                "POST", path, params=params, seconds=READ_SECONDS if partial else PATIENCE_SECONDS
            )
        except EngineUnavailable as error:
            if health.note_failure(time.monotonic() - began) and not partial:
                raise SearchFailed(str(error)) from error
            raise
        return View(opened.body["pit_id"], changes, time.monotonic(), partial, users=1)

    def release(self, view: View, *, lost: bool = False) -> None:
        """Give a view back. `lost`: a node that held it has gone, so that nobody else should use it."""
        with self._lock:
            view.users -= 1
            if lost and self._newest is view:
                self._newest = None
            unused = view.users <= 0 and self._newest is not view
        if unused:
            self._close(view)

    def search(self, view: View, searches: Sequence[Search]) -> list[Any]:
        """Raises SearchFailed if the view is lost."""
        of_view = {"pit": {"id": view.id, "keep_alive": KEEP_ALIVE}}
        no_header: Search = {}
        of_all = [(no_header, {**search, **of_view}) for search in searches]
        return self._connection.search_many(of_all, again=False, partial=view.partial)

    def close(self) -> None:
        with self._lock:
            newest, self._newest = self._newest, None
        self.pool.shutdown()
        if newest:
            self._delete(newest)

    def _close(self, view: View) -> None:
        with suppress(RuntimeError):  # closed meanwhile; the view ends by itself
            self.pool.submit(self._delete, view)

    def _delete(self, view: View) -> None:
        with suppress(StoreError):
            path = "/_search/point_in_time"
            self._connection.request("DELETE", path, {"pit_id": [view.id]}, accept=(404,), retry=False, seconds=2)


class ViewReader:
    """Searches of one question, all of the same view. Close it."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._view: View | None = None

    def search(self, make: MakeSearches) -> tuple[View, list[Any]]:
        """The results, and the view they are of. The first search decides which: the newest view if nothing changed since.

        A view that is lost with its node is replaced; then what was found before may be found no more.
        """
        began = time.monotonic()
        while True:
            try:
                if self._view is None:
                    found = self._search_newest(make)
                    if found:
                        return found
                    self._view = self._views.open()
                return self._view, self._views.search(self._view, make(self._view))
            except SearchFailed:
                if self._view:
                    lost, self._view = self._view, None
                    self._views.release(lost, lost=True)
                if time.monotonic() - began > READ_SECONDS:
                    raise
                time.sleep(0.05)

    @property
    def is_partial(self) -> bool:
        """Whether shards were missing in the last search."""
        return self._view is not None and self._view.partial

    def close(self) -> None:
        if self._view:
            self._views.release(self._view)
            self._view = None

    def _search_newest(self, make: MakeSearches) -> tuple[View, list[Any]] | None:
        """Search the newest view while asking whether it still is; None if not."""
        newest = self._views.share_newest()
        if newest is None:
            return None
        lost = False
        try:
            changes = self._views.pool.submit(self._views.changes)
            try:
                results = self._views.search(newest, make(newest))
            except SearchFailed:
                lost = True
                return None
            if changes.result() == newest.changes:
                self._view = newest
                return newest, results
            return None
        finally:
            if self._view is not newest:
                self._views.release(newest, lost=lost)
