"""The documents that a filter allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apsw

from index.embedded.filtering.filtered_documents import FilteredDocuments
from index.embedded.store.database import Database
from index.embedded.store.filter_sql import filter_sql
from index.embedded.store.store import Store
from index.filters import Comparison
from index.types import Origin
from tests.index.embedded.store.examples import (
    FILE,
    OTHER,
    put,
)


def test_filters_reuse_results_and_do_not_read_texts(store: Store, tmp_path: Path) -> None:
    put(store, OTHER)
    fees, other = (found.number for found in store.documents())
    by_type, by_source = Comparison("eq", "type", "guidance"), Comparison("eq", "source", "wizards.txt")
    filtered = FilteredDocuments(Database(tmp_path, read_only=True))
    for filters in range(20):  # more than the cache holds
        assert filtered.numbers(Comparison("gte", "year", 2025 - filters)).tolist() == [fees, other]
    assert filtered.numbers(by_type).tolist() == [fees, other]
    assert filtered.numbers(by_source).tolist() == []
    assert store.update_origin("other", Origin(source="wizards.txt"))
    assert filtered.numbers(by_source).tolist() == [other]
    put(store, replace(OTHER, id="third"))
    assert filtered.numbers(by_type).tolist() == [fees, other, other + 1]
    for filter_ in (by_type, by_source, Comparison("in", "publisher", ("HMPO",))):
        condition, values = filter_sql(filter_)
        with apsw.Connection(str(tmp_path / FILE)) as connection:
            plan = [
                row[3]
                for row in connection.execute(f"EXPLAIN QUERY PLAN SELECT d.number FROM documents d WHERE {condition}", values)
            ]
        assert any("COVERING INDEX" in line for line in plan), plan
