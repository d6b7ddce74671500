"""Filters of documents: comparisons and their combinations, as in OpenAI's vector stores.

Keys are the document's own fields (FIELDS) or those of its metadata. A document without the key matches only `ne` and `nin`. A list in
the metadata matches by its elements. Text and numbers never compare. What a caller may read is a filter too; no request can contain one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from index.access.audience import Audience

Scalar = str | int | float | bool
Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]

MOST_LANGUAGES = 100  # of documents
FIELDS = ("id", "title", "source", "url", "date", "type", "language", "collection")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`value`: a tuple for `in` and `nin`. A date compares as text: "2025" is before "2025-07-21"."""

    operator: Operator
    key: str
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """All (`and`) or any (`or`) of the filters; `and` of none allows everything, `or` of none nothing."""

    operator: Literal["and", "or"]
    filters: tuple[Filter, ...]


Filter = Comparison | Combination | Audience


def of_collection(name: str | None, other: Filter | None = None) -> Filter | None:
    """The documents of a collection, or of any for None, that another filter allows too."""
    return both(None if name is None else Comparison("eq", "collection", name), other)


def both(one: Filter | None, other: Filter | None) -> Filter | None:
    """What both filters allow; None is no filter."""
    if one is None or other is None:
        return one if other is None else other
    return Combination("and", (one, other))


def collection_of(allowed: Filter | None) -> str | None:
    """The collection that a filter limits a search to; None if it names none, or several."""
    if isinstance(allowed, Comparison) and (allowed.operator, allowed.key) == ("eq", "collection"):
        return str(allowed.value)
    if isinstance(allowed, Combination) and allowed.operator == "and":
        return next((name for part in allowed.filters if (name := collection_of(part)) is not None), None)
    return None
