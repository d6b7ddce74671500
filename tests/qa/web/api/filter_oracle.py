"""Oracle of the filter tests: documents with mixed metadata, and the documented meaning of a filter in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Filter = dict[str, Any]


FIELDS = {"id", "title", "url", "date"}


KEYS = ["kind", "rank", "tags", "public", "missing", 'odd "key" $.x', *sorted(FIELDS), "language"]


KINDS = ["guide", "form", "Guide", "", "5", "é"]


# Strings, integers beyond 64 bits, floats, and values of no document.
VALUES: list[Any] = [*KINDS, "none", "2024", "2024-06-15", "a", 0, 1, 5, -3, 2.5, 10**30, -(10**30), True, False, "1", "en"]


TAGS = ["a", "b", "c", "5"]


WORDS = "ash beech cedar elm fir hazel holly larch lime maple oak pine plum poplar rowan spruce willow yew".split()


def document_record(number: int) -> dict[str, Any]:
    """A document with a unique text whose metadata keys and types vary with the number."""
    metadata: dict[str, Any] = {}
    if number % 7:
        metadata["kind"] = KINDS[number % len(KINDS)]
    if number % 5:
        metadata["rank"] = [number % 4, number / 4, str(number % 6), 10**30][number % 4]
    if number % 3:
        metadata["tags"] = TAGS[: number % 5]
    if number % 2:
        metadata["public"] = number % 4 == 1
    if number % 11 == 0:
        metadata['odd "key" $.x'] = "a"
    first, second = WORDS[number % len(WORDS)], WORDS[(number // 3) % len(WORDS)]
    record = {"id": f"d{number:02}", "title": f"{first} {number}", "text": f"{first} {second} wood number {number}."}
    if number % 4:
        record["date"] = f"{2023 + number % 3}-{1 + number % 12:02}-15"
    if number % 6 == 0:
        record["url"] = f"https://example.org/{number}"
    return record | {"metadata": metadata}


DOCUMENTS = [document_record(number) for number in range(60)]


def values_of(document: dict[str, Any], key: str) -> list[Any]:
    """The values of a key: none, one, or the elements of a list."""
    if key in FIELDS | {"source", "type", "language"}:
        return [] if document[key] is None else [document[key]]
    value = document["metadata"].get(key)
    return [] if value is None else value if isinstance(value, list) else [value]


def same_kind(one: object, other: object) -> bool:
    return isinstance(one, str) == isinstance(other, str)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, value: have == value,
    "gt": lambda have, value: have > value,
    "gte": lambda have, value: have >= value,
    "lt": lambda have, value: have < value,
    "lte": lambda have, value: have <= value,
}


def matches(filter_: Filter, document: dict[str, Any]) -> bool:
    """The documented meaning of a filter, in plain Python."""
    operator = filter_["type"]
    if operator in ("and", "or"):
        parts = [matches(part, document) for part in filter_["filters"]]
        return all(parts) if operator == "and" else any(parts)
    have, value = values_of(document, filter_["key"]), filter_["value"]
    if operator in ("ne", "nin"):
        return not matches({**filter_, "type": "in", "value": value if operator == "nin" else [value]}, document)
    if operator == "in":
        return any(one == other for one in have for other in value)
    return any(same_kind(one, value) and COMPARE[operator](one, value) for one in have)
