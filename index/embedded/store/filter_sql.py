"""Filters as SQL conditions."""

from __future__ import annotations

import json
from collections.abc import Sequence

from index.access.audience import EVERYONE, Audience
from index.filters import FIELDS, Combination, Comparison, Filter, Scalar

_LARGEST_INTEGER = 2**63 - 1
_SQL_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def filter_sql(filter_: Filter) -> tuple[str, list[Scalar]]:
    """A condition on the table `documents`, named d, and the values to bind."""
    if isinstance(filter_, Combination):
        return _combined(filter_)
    if isinstance(filter_, Audience):
        return _readable(filter_)
    values = filter_.value if isinstance(filter_.value, tuple) else (filter_.value,)
    match filter_.operator:
        case "eq" | "in":
            return _any_equal(filter_.key, values)
        case "ne" | "nin":
            condition, bound = _any_equal(filter_.key, values)
            return f"NOT {condition}", bound
        case operator:
            return _holds(filter_.key, f"{_SQL_OPERATORS[operator]} ?", isinstance(values[0], str), values[0])


def filtered_table(filter_: Filter | None) -> str:
    """The table `documents`, named d, for a query with the condition of a filter over all documents.

    SQLite does not see that an index has the computed columns that an audience is matched by, and would read the rows with their texts.
    """
    return "documents d INDEXED BY documents_filtered" if _needs_index(filter_) else "documents d"


def _needs_index(filter_: Filter | None) -> bool:
    if isinstance(filter_, Combination):
        names_ids = any(
            isinstance(part, Comparison) and part.key == "id" and part.operator in ("eq", "in") for part in filter_.filters
        )
        return any(map(_needs_index, filter_.filters)) and not names_ids
    return isinstance(filter_, Audience)


def _readable(audience: Audience) -> tuple[str, list[Scalar]]:
    among = "IN (SELECT value FROM json_each(?))"
    in_collection = "IS NOT NULL" if audience.collections is None else among
    collections = [] if audience.collections is None else [json.dumps(audience.collections)]
    condition = f"(d.collection {in_collection} AND EXISTS (SELECT 1 FROM json_each(d.access) e WHERE e.value {among}))"
    return condition, [*collections, json.dumps([EVERYONE, *audience.groups])]


def _combined(combination: Combination) -> tuple[str, list[Scalar]]:
    parts = [filter_sql(part) for part in combination.filters]
    if not parts:
        return ("1" if combination.operator == "and" else "0"), []
    joined = f" {combination.operator.upper()} ".join(condition for condition, _ in parts)
    return f"({joined})", [value for _, bound in parts for value in bound]


def _any_equal(key: str, values: Sequence[Scalar]) -> tuple[str, list[Scalar]]:
    """Values are bound as one JSON list for each kind, because SQLite limits the conditions and values of a query."""
    texts, numbers = [v for v in values if isinstance(v, str)], [v for v in values if not isinstance(v, str)]
    among = "IN (SELECT value FROM json_each(?))"
    parts = [_holds(key, among, some is texts, json.dumps(some)) for some in (texts, numbers) if some]
    if not parts:
        return "0", []
    return f"({' OR '.join(condition for condition, _ in parts)})", [value for _, bound in parts for value in bound]


def _holds(key: str, comparison: str, is_text: bool, value: Scalar) -> tuple[str, list[Scalar]]:
    """A value under the key satisfies the comparison. Text and numbers never compare; SQLite would sort all text after all numbers."""
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        value = float(value)  # as SQLite reads such a number in JSON
    same_kind = "= 'text'" if is_text else "IN ('integer', 'real')"
    if key in FIELDS:
        return f"(d.{key} IS NOT NULL AND typeof(d.{key}) {same_kind} AND d.{key} {comparison})", [value]
    single = f"m.type NOT IN ('array', 'object') AND typeof(m.value) {same_kind} AND m.value {comparison}"
    element = f"EXISTS (SELECT 1 FROM json_each(m.value) e WHERE typeof(e.value) {same_kind} AND e.value {comparison})"
    condition = (
        f"EXISTS (SELECT 1 FROM json_each(d.metadata) m WHERE m.key = ? AND (({single}) OR (m.type = 'array' AND {element})))"
    )
    return condition, [key, value, value]
