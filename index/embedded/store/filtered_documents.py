"""Which documents filters let through, and which values there are to choose from: asked of a database index that holds no texts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from index import filters
from index.embedded.policy import DEFAULT, Policy
from index.embedded.store.database import Database
from index.filters import Filter
from index.types import Ids


class FilteredDocuments:
    """Documents are numbered as they come and never change but for their sources, so what a filter let through stays true: of the last
    filters it is kept, and only what came since is looked at. Facets are counted anew when a document came or went.
    """

    def __init__(self, database: Database, policy: Policy = DEFAULT) -> None:
        self._database = database
        self._policy = policy
        self._kept: OrderedDict[Filter, tuple[Ids, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._forgotten = 0
        self._facet = lru_cache(policy.facets)(self._counted)

    def numbers(self, filter_: Filter) -> Ids:
        """Those of the documents that a filter lets through, in rising order. Some may have been removed since."""
        with self._lock:
            forgotten = self._forgotten
            known, seen = self._kept.get(filter_, (np.empty(0, np.int64), 0))
        last = self._last_number()
        if last > seen:
            known, seen = self._found(filter_, known, seen, last), last
        with self._lock:
            if forgotten == self._forgotten:
                self._kept[filter_] = known, seen
                self._kept.move_to_end(filter_)
                if len(self._kept) > self._policy.filters:
                    self._kept.popitem(last=False)
        return known

    def facet(self, key: str, filter_: Filter | None, limit: int) -> Sequence[tuple[str | int | float, int]]:
        """The values under a key (`year` is that of the date) with how many documents have each, the commonest first.

        A list in the metadata counts by its elements.
        """
        changes = self._database.rows("SELECT value FROM facts WHERE name = 'changes'")
        return self._facet(key, filter_, limit, (self._forgotten, *changes))

    def forget(self) -> None:
        """A document may be another than it was."""
        with self._lock:
            self._kept.clear()
            self._forgotten += 1

    def _counted(self, key: str, filter_: Filter | None, limit: int, _state: object) -> Sequence[tuple[str | int | float, int]]:
        condition, values = filters.sql(filter_) if filter_ else ("1", [])
        if key == "year" or key in filters.FIELDS:
            value, tables, keys = ("substr(d.date, 1, 4)" if key == "year" else f"d.{key}"), "documents d", []
            truth = "0"
        else:
            tables = (
                "documents d JOIN json_each(d.metadata) m ON m.key = ?"
                " JOIN json_each(iif(m.type = 'array', m.value, json_array(m.value))) e"
            )
            value, truth, keys = "e.value", "m.type IN ('true', 'false')", [key]
        query = (
            f"SELECT {value}, {truth}, count(DISTINCT d.number) FROM {tables} WHERE {value} IS NOT NULL AND {condition}"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?"
        )
        found = self._database.rows(query, *keys, *values, limit)
        return tuple((bool(value) if is_truth else value, count) for value, is_truth, count in found)

    def _last_number(self) -> int:
        """The highest ever given."""
        found = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'documents'")
        return int(found[0][0]) if found else 0

    def _found(self, filter_: Filter, known: Ids, seen: int, last: int) -> Ids:
        """Of the documents up to the last; those up to `seen` are known."""
        condition, values = filters.sql(filter_)
        if last - seen > self._policy.new_documents:
            return self._asked(f"SELECT d.number FROM documents d WHERE {condition}", values, last)
        # The rows themselves, by their numbers.
        query = f"SELECT d.number FROM documents d NOT INDEXED WHERE d.number > ? AND {condition}"
        return np.concatenate([known, self._asked(query, [seen, *values], last)])

    def _asked(self, query: str, values: list[filters.Scalar], last: int) -> Ids:
        numbers = np.array([number for (number,) in self._database.rows(query, *values)], np.int64)
        return np.sort(numbers[numbers <= last])
