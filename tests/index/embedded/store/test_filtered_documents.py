"""The documents that a filter allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from index.access.audience import Audience
from index.embedded.filtering.filtered_documents import FilteredDocuments
from index.embedded.store.database import Database
from index.embedded.store.filter_sql import filter_sql, filtered_table
from index.embedded.store.store import Store
from index.filters import Comparison, both
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


def test_languages_are_counted_and_audiences_checked_after_every_change(store: Store, tmp_path: Path) -> None:
    filtered = FilteredDocuments(Database(tmp_path, read_only=True))
    staff = Audience(None, ("staff",))

    def check() -> tuple[dict[object, int], bool]:
        for filter_ in (None, staff, Comparison("eq", "id", "none")):
            assert list(filtered.languages(filter_)) == list(FilteredDocuments(store._database).facet("language", filter_, 100))
        complete = filtered.allows_everything(staff)
        assert complete == FilteredDocuments(store._database).allows_everything(staff)
        return dict(filtered.languages(None)), complete

    before, complete = check()
    assert complete
    put(store, replace(OTHER, id="welsh", language="cy"))
    assert check() == ({**before, "cy": 1}, True)
    put(store, replace(OTHER, id="welsh", language="de"))
    assert check() == ({**before, "de": 1}, True)
    for groups, complete in ((["board"], False), (["staff"], True), (["board"], False)):
        store.edit("welsh", {"access": groups})
        assert check() == ({**before, "de": 1}, complete)
    put(store, replace(OTHER, id="no language", language=None))
    assert check() == ({**before, "de": 1}, False)
    store.remove("welsh")
    assert check() == (before, True)


def test_removed_documents_count_among_many_for_a_while(store: Store, tmp_path: Path) -> None:
    filtered = FilteredDocuments(Database(tmp_path, read_only=True))
    with store._database.transaction():
        for number in range(1_500):
            put(store, replace(OTHER, id=f"welsh-{number}", language="cy"))
    assert dict(filtered.languages(None))["cy"] == 1_500
    store.remove("welsh-1")
    put(store, replace(OTHER, id="german", language="de"))
    counted = dict(filtered.languages(None))
    assert (counted["cy"], counted["de"]) == (1_500, 1)
    store.remove("welsh-2")
    assert dict(filtered.languages(None))["cy"] == 1_498


@pytest.mark.parametrize("bound", [Audience(("press",), ("staff",)), Audience(None, ("staff",)), Audience(("press", "hr"))])
def test_no_texts_are_read_to_find_what_an_audience_may_read(store: Store, bound: Audience, tmp_path: Path) -> None:
    put(store, OTHER)
    for filter_ in (bound, both(bound, Comparison("eq", "type", "guidance"))):
        condition, values = filter_sql(filter_)
        for what in ("d.number", "count(*)", "d.language"):
            query = f"EXPLAIN QUERY PLAN SELECT {what} FROM {filtered_table(filter_)} WHERE {condition}"
            with apsw.Connection(str(tmp_path / FILE)) as connection:
                plan = [row[3] for row in connection.execute(query, values)]
            assert any("USING INDEX documents_filtered" in line or "COVERING INDEX" in line for line in plan), plan
    assert "INDEXED" not in filtered_table(both(bound, Comparison("eq", "id", "fees")))
