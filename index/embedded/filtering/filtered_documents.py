"""Documents that a filter allows, and facet counts, from a covering index that holds no texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.embedded.policy import DEFAULT, Policy
from index.embedded.store.database import Database
from index.embedded.store.filter_sql import filter_sql, filtered_table
from index.filters import FIELDS, Filter, Scalar
from index.lru import LRU
from index.types import Ids

Facet = Sequence[tuple[Scalar, int]]
LEFT_OVER = 1_000  # the languages are counted again once a thousandth of the documents was removed


@dataclass(frozen=True, slots=True)
class _State:
    """`last`: the highest number ever given to a document; `updates`: how often the fields of one changed; `documents`: that are stored."""

    last: int
    updates: int
    documents: int

    @property
    def removed(self) -> int:
        """Documents that were removed or replaced so far."""
        return self.last - self.documents


class FilteredDocuments:
    """Caches results of filters and extends them by new documents, whose numbers rise, until the fields of a document change.

    Facets are counted again after every change, except languages. Whatever process made a change, the store tells.
    """

    def __init__(self, database: Database, policy: Policy = DEFAULT) -> None:
        self._database = database
        self._policy = policy
        self._numbers: LRU[Filter, tuple[Ids, int, int]] = LRU(policy.filters)
        self._outside: LRU[Filter, tuple[int | None, _State]] = LRU(policy.filters)
        self._languages: LRU[Filter | None, tuple[Counter[str], _State, int]] = LRU(policy.filters)
        self._facets: LRU[tuple[object, ...], Facet] = LRU(policy.facets)

    def numbers(self, filter_: Filter) -> Ids:
        """Numbers of the documents that a filter allows, ascending. Some may have been removed since."""
        state = self._state()
        last, updates = state.last, state.updates
        known, seen, updated = self._numbers.get(filter_) or (np.empty(0, np.int64), 0, updates)
        if updated != updates:
            known, seen = np.empty(0, np.int64), 0
        if last > seen:
            known = self._extend(filter_, known, seen, last)
            self._numbers.put(filter_, (known, last, updates))
        return known

    def allows_everything(self, filter_: Filter) -> bool:
        """Whether no document is outside a filter. After a change only new documents are looked at, or the one that was outside."""
        state = self._state()
        outside, seen = self._outside.get(filter_) or (None, None)
        if seen == state:
            return outside is None
        if seen is None or seen.updates != state.updates or self._are_many(seen, state):
            outside, seen = None, None
        if outside is not None and not self._database.rows("SELECT 1 FROM documents WHERE number = ?", outside):
            outside, seen = None, None
        if outside is None:
            condition, values = filter_sql(filter_)
            among, bound = self._new(filter_, seen, state)
            query = f"SELECT d.number FROM {among} ({condition}) IS NOT TRUE LIMIT 1"
            outside = next((number for (number,) in self._database.rows(query, *bound, *values)), None)
        self._outside.put(filter_, (outside, state))
        return outside is None

    def languages(self, filter_: Filter | None) -> Facet:
        """As the facet of the languages, without a limit. It may still count removed documents, fewer than one in LEFT_OVER."""
        state = self._state()
        counted, seen, removed = self._languages.get(filter_) or (Counter(), None, 0)
        if seen != state:
            left_over = (state.removed - removed) * LEFT_OVER > state.documents
            if seen is None or left_over or seen.updates != state.updates or self._are_many(seen, state):
                counted, seen, removed = Counter(), None, state.removed
            condition, values = ("1", []) if filter_ is None else filter_sql(filter_)
            among, bound = self._new(filter_, seen, state)
            query = f"SELECT d.language, count(*) FROM {among} d.language IS NOT NULL AND {condition} GROUP BY 1"
            counted = counted + Counter(dict(self._database.rows(query, *bound, *values)))
            self._languages.put(filter_, (counted, state, removed))
        return sorted(counted.items(), key=lambda each: (-each[1], each[0]))

    def counts(self, filter_: Filter) -> tuple[int, int]:
        """The number of documents that a filter allows, and of their passages."""
        condition, values = filter_sql(filter_)
        table = filtered_table(filter_)
        ((documents,),) = self._database.rows(f"SELECT count(*) FROM {table} WHERE {condition}", *values)
        numbers = f"SELECT d.number FROM {table} WHERE {condition}"
        ((passages,),) = self._database.rows(f"SELECT count(*) FROM passages WHERE document IN ({numbers})", *values)
        return int(documents), int(passages)

    def facet(self, key: str, filter_: Filter | None, limit: int) -> Facet:
        """The values under a key (`year`: of the date) with their document counts, the most frequent first.

        A list in the metadata counts by its elements.
        """
        state = (key, filter_, limit, self._changes())
        found = self._facets.get(state)
        if found is None:
            found = self._count(key, filter_, limit)
            self._facets.put(state, found)
        return found

    def _count(self, key: str, filter_: Filter | None, limit: int) -> Facet:
        condition, values = ("1", []) if filter_ is None else filter_sql(filter_)
        if key == "year" or key in FIELDS:
            value, tables, keys = ("substr(d.date, 1, 4)" if key == "year" else f"d.{key}"), filtered_table(filter_), []
            truth, counted = "0", "count(*)"
        else:
            tables = (
                f"{filtered_table(filter_)} JOIN json_each(d.metadata) m ON m.key = ?"
                " JOIN json_each(iif(m.type = 'array', m.value, json_array(m.value))) e"
            )
            value, truth, keys = "e.value", "m.type IN ('true', 'false')", [key]
            counted = "count(DISTINCT d.number)"
        query = (
            f"SELECT {value}, {truth}, {counted} FROM {tables} WHERE {value} IS NOT NULL AND {condition}"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?"
        )
        found = self._database.rows(query, *keys, *values, limit)
        return tuple((bool(value) if is_truth else value, count) for value, is_truth, count in found)

    def _changes(self) -> int:
        ((changes,),) = self._database.rows("SELECT value FROM facts WHERE name = 'changes'")
        return int(changes)

    def _state(self) -> _State:
        facts = ", ".join(f"(SELECT value FROM facts WHERE name = '{name}')" for name in ("updates", "documents"))
        ((last, updates, documents),) = self._database.rows(
            f"SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'documents'), {facts}"
        )
        return _State(int(last or 0), int(updates or 0), int(documents or 0))

    def _new(self, filter_: Filter | None, seen: _State | None, state: _State) -> tuple[str, list[Scalar]]:
        """The table and the beginning of a condition for the documents since a state, all for None."""
        if seen is None:
            return f"{filtered_table(filter_)} WHERE", []
        return "documents d NOT INDEXED WHERE d.number > ? AND d.number <= ? AND", [seen.last, state.last]

    def _are_many(self, seen: _State, state: _State) -> bool:
        """Whether too many documents are new to look at those alone."""
        return state.last - seen.last > self._policy.new_documents

    def _extend(self, filter_: Filter, known: Ids, seen: int, last: int) -> Ids:
        """The result up to document `last`, from the one up to document `seen`."""
        condition, values = filter_sql(filter_)
        if last - seen > self._policy.new_documents:
            return self._select(f"SELECT d.number FROM {filtered_table(filter_)} WHERE {condition}", values, last)
        # By their numbers, from the table: faster for a few documents than the covering index.
        query = f"SELECT d.number FROM documents d NOT INDEXED WHERE d.number > ? AND {condition}"
        return np.concatenate([known, self._select(query, [seen, *values], last)])

    def _select(self, query: str, values: list[Scalar], last: int) -> Ids:
        numbers = np.array([number for (number,) in self._database.rows(query, *values)], np.int64)
        return np.sort(numbers[numbers <= last])
