"""Filters and facets over HTTP against a plain Python oracle: every operator, over documents with mixed metadata."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.qa.web.api.filter_oracle import COMPARE, DOCUMENTS, KEYS, VALUES, Filter, matches, values_of


@pytest.fixture(scope="module")
def filtered(data_folder: Callable[[], Path], start_server: Callable[..., Any]) -> Iterator[Any]:
    with start_server(data_folder()) as running:
        job = running.upload("documents.jsonl", "\n".join(map(json.dumps, DOCUMENTS)).encode()).json()["job"]
        assert running.finished(job)["documents"] == len(DOCUMENTS)
        running.request("DELETE", "/v1/documents/press-release")
        yield running
        assert "Traceback" not in running.log, running.log


@pytest.fixture(scope="module")
def stored(filtered: Any) -> list[dict[str, Any]]:
    """The documents as listed by the server."""
    listed = filtered.get("/v1/documents?limit=1000").json()["data"]
    assert [one["id"] for one in listed] == [one["id"] for one in DOCUMENTS]
    return listed


def found_ids(server: Any, filter_: Filter | None) -> set[str]:
    return {result["document"]["id"] for result in server.search("wood number", limit=100, filter=filter_)["results"]}


KEY = st.sampled_from(KEYS)
VALUE = st.sampled_from(VALUES)
COMPARISON = st.builds(lambda t, k, v: {"type": t, "key": k, "value": v}, st.sampled_from(["ne", *COMPARE]), KEY, VALUE)
MEMBERSHIP = st.builds(
    lambda t, k, v: {"type": t, "key": k, "value": v}, st.sampled_from(["in", "nin"]), KEY, st.lists(VALUE, max_size=4)
)
FILTER = st.recursive(
    COMPARISON | MEMBERSHIP,
    lambda inner: st.builds(
        lambda t, f: {"type": t, "filters": f}, st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


def depth(filter_: Filter) -> int:
    return 1 + max((depth(part) for part in filter_["filters"]), default=0) if "filters" in filter_ else 0


@given(FILTER.filter(lambda made: depth(made) <= 4))
@examples(300)
def test_matches_the_documents_that_plain_python_matches(filtered: Any, stored: list[dict[str, Any]], filter_: Filter) -> None:
    assert found_ids(filtered, filter_) == {document["id"] for document in stored if matches(filter_, document)}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("operator", [*COMPARE, "ne"])
def test_every_operator_on_every_key(filtered: Any, stored: list[dict[str, Any]], key: str, operator: str) -> None:
    some = 0
    for value in VALUES:
        filter_ = {"type": operator, "key": key, "value": value}
        expected = {document["id"] for document in stored if matches(filter_, document)}
        assert found_ids(filtered, filter_) == expected, value
        some += len(expected) not in {0, len(stored)}
    assert some or key in {"missing", "url", "title", "id", "date", "language"}


def test_no_filter_matches_all_and_an_empty_choice_none(filtered: Any) -> None:
    everything = {document["id"] for document in DOCUMENTS}
    assert found_ids(filtered, None) == everything
    for nothing in (
        {"type": "in", "key": "id", "value": []},
        {"type": "or", "filters": []},
        {"type": "eq", "key": "id", "value": "no such document"},
        {"type": "and", "filters": [{"type": "eq", "key": "id", "value": "d01"}, {"type": "eq", "key": "id", "value": "d02"}]},
    ):
        found = filtered.search("wood number", filter=nothing, facets=["kind"])
        assert (found["results"], found["answerable"], found["answer"]) == ([], False, None)
        assert found["facets"] == {"kind": []}
    for all_of_it in ({"type": "nin", "key": "id", "value": []}, {"type": "and", "filters": []}):
        assert found_ids(filtered, all_of_it) == everything


def test_filters_a_range_of_dates(filtered: Any) -> None:
    within = {
        "type": "and",
        "filters": [
            {"type": "gte", "key": "date", "value": "2024"},
            {"type": "lt", "key": "date", "value": "2024-07"},
        ],
    }
    expected = {one["id"] for one in DOCUMENTS if "2024-01-01" <= one.get("date", "") <= "2024-06-30"}
    assert expected
    assert found_ids(filtered, within) == expected


def nested(levels: int) -> Filter:
    filter_: Filter = {"type": "eq", "key": "id", "value": "d01"}
    for _ in range(levels):
        filter_ = {"type": "and", "filters": [filter_]}
    return filter_


def test_limits_the_nesting_to_the_documented_depth(filtered: Any) -> None:
    levels = 0
    while (response := asked(filtered, nested(levels))).status == 200:
        assert {result["document"]["id"] for result in response.json()["results"]} == {"d01"}
        levels += 1
    assert levels == 5
    for too_deep in (levels, 6, 7, 100):
        refused = asked(filtered, nested(too_deep))
        assert refused.status == 422
        assert refused.json()["errors"][0]["field"] == "filter"
        assert "5" in refused.json()["errors"][0]["message"]


def asked(server: Any, filter_: object) -> Any:
    return server.post("/v1/search", json.dumps({"query": "wood", "filter": filter_}).encode())


@pytest.mark.parametrize(
    "filter_",
    [
        [],
        "eq",
        5,
        {},
        {"type": "eq"},
        {"type": "eq", "key": "id"},
        {"type": "eq", "value": "a"},
        {"type": "like", "key": "id", "value": "a"},
        {"type": "eq", "key": "id", "value": ["a"]},
        {"type": "in", "key": "id", "value": "a"},
        {"type": "eq", "key": "id", "value": None},
        {"type": "eq", "key": "id", "value": {"a": 1}},
        {"type": "in", "key": "id", "value": [None]},
        {"type": "eq", "key": "", "value": "a"},
        {"type": "eq", "key": 5, "value": "a"},
        {"type": "eq", "key": "a\0", "value": "a"},
        {"type": "eq", "key": "id", "value": "\ud800"},
        {"type": "in", "key": "id", "value": ["a\0"]},
        {"type": "in", "key": "id", "value": ["a"] * 1001},
        {"type": "and"},
        {"type": "and", "filters": {}},
        {"type": "and", "filters": [5]},
        {"type": "and", "filters": [{"type": "eq", "key": "id", "value": "a"}] * 51},
        {"type": "or", "filters": [{"type": "or", "filters": [{"type": "eq", "key": "id", "value": "a"}] * 50}] * 10},
        {"type": "or", "filters": [], "key": "id"},
        {"type": "eq", "key": "id", "value": "a", "more": 1},
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_refuses_an_invalid_filter_by_name(filtered: Any, filter_: object) -> None:
    response = asked(filtered, filter_)
    assert response.status == 422, response.text
    assert all(error["field"].startswith("filter") and error["message"] for error in response.json()["errors"])


def test_answers_the_largest_allowed_filter(filtered: Any) -> None:
    part = {"type": "in", "key": "kind", "value": ["none"] * 999 + ["guide"]}
    whole = {"type": "and", "filters": [part] * 50}
    assert found_ids(filtered, whole) == {one["id"] for one in DOCUMENTS if one["metadata"].get("kind") == "guide"}
    broad = {"type": "or", "filters": [{"type": "gt", "key": "rank", "value": number} for number in range(50)]}
    whole = {"type": "or", "filters": [broad] * 9}
    assert found_ids(filtered, whole) == found_ids(filtered, {"type": "gt", "key": "rank", "value": 0})


def test_a_cached_filter_follows_added_changed_and_removed_documents(filtered: Any) -> None:
    filter_ = {"type": "eq", "key": "shelf", "value": "new"}
    others = {"type": "ne", "key": "shelf", "value": "new"}

    def add(name: str, shelf: str) -> None:
        job = filtered.add(id=name, title="New", text=f"New wood number {name}.", metadata={"shelf": shelf})
        assert filtered.finished(job)["documents"] == 1

    everything = found_ids(filtered, others)

    def shelves() -> dict[str, int]:
        return {one["value"]: one["count"] for one in filtered.search("wood", facets=["shelf"])["facets"]["shelf"]}

    try:
        for number in range(3):
            assert shelves() == ({"new": number} if number else {})
            assert found_ids(filtered, filter_) == {f"new{known}" for known in range(number)}
            add(f"new{number}", "new")
        add("new1", "old")
        assert found_ids(filtered, filter_) == {"new0", "new2"}
        assert shelves() == {"new": 2, "old": 1}
        assert found_ids(filtered, others) == everything | {"new1"}
        filtered.request("DELETE", "/v1/documents/new0")
        assert found_ids(filtered, filter_) == {"new2"}
    finally:
        for number in range(3):
            filtered.request("DELETE", f"/v1/documents/new{number}")
    assert found_ids(filtered, filter_) == set()
    assert found_ids(filtered, others) == everything


@given(
    st.none() | FILTER.filter(lambda made: depth(made) <= 4), st.lists(st.sampled_from([*KEYS, "year"]), min_size=1, max_size=3)
)
@examples(100)
def test_facets_count_the_matching_documents(
    filtered: Any, stored: list[dict[str, Any]], filter_: Filter | None, keys: list[str]
) -> None:
    facets = filtered.search("wood", filter=filter_, facets=keys)["facets"]
    through = [document for document in stored if filter_ is None or matches(filter_, document)]
    assert set(facets) == set(keys)
    for key, counted in facets.items():
        of_key = [values_of(document, "date" if key == "year" else key) for document in through]
        expected = Counter(typed(value[:4] if key == "year" else value) for values in of_key for value in set(values))
        found = [(typed(one["value"]), one["count"]) for one in counted]
        assert found == sorted(found, key=lambda pair: -pair[1])
        assert dict(found) == expected
        assert len(found) == len(expected)


def typed(value: Any) -> tuple[str, Any]:
    """The value with its type, so that true is not 1; an integer beyond 64 bits counts as a float."""
    value = float(value) if isinstance(value, int) and abs(value) >= 2**63 else value
    return type(value).__name__, value


@pytest.mark.parametrize("facets", ["kind", [5], [""], ["a\0"], [None], ["kind"] * 11])
def test_refuses_invalid_facets(filtered: Any, facets: object) -> None:
    response = filtered.post("/v1/search", json.dumps({"query": "wood", "facets": facets}).encode())
    assert response.status == 422
    assert response.json()["errors"][0]["field"].startswith("facets")
