"""Filters of documents: comparisons and their combinations, as in OpenAI's vector stores.

Keys are the document's own fields (FIELDS) or those of its metadata. A document without the key matches only `ne` and `nin`. A list in
the metadata matches by its elements. Text and numbers never compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float | bool
Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]

FIELDS = ("id", "title", "source", "url", "date", "type", "language")


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


Filter = Comparison | Combination
