"""The values of a document that filters and facets compare, as terms of the cluster; and filters as its queries.

Metadata have any keys, so that all values share one field: a term is the length of the key, the key, the kind of the value and the value,
written so that terms sort as values do. Text and numbers never compare; booleans are numbers.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from index.access.audience import EVERYONE, Audience
from index.filters import FIELDS, Combination, Filter, Scalar
from index.types import StoredDocument

Query = dict[str, Any]

MAX_TERM = 2_000  # characters; of a longer text the first ones and a hash
_LARGEST_INTEGER = 2**63 - 1
_HALF = 2**63
_REST = 4096  # between an integer and the nearest float

# Terms of the groups that may read a document; those of values begin with a digit.
_ACCESS = "access="

_BOUNDS = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}


def compared_terms(stored: StoredDocument) -> list[str]:
    """Of every value of a document that a filter can compare, and of the groups that may read it."""
    compared = {_term(key, value) for key, values in _values(stored).items() for value in values}
    groups = [EVERYONE] if stored.access is None else stored.access
    return sorted(compared | {f"{_ACCESS}{group}" for group in groups})


def counted_terms(stored: StoredDocument) -> list[str]:
    """Of every value of the metadata, as a facet shows it."""
    found = ((key, value) for key, values in _values(stored).items() if key not in FIELDS for value in values)
    return sorted({f"{counted_prefix(key)}{json.dumps(value, ensure_ascii=False)}" for key, value in found})


def counted_prefix(key: str) -> str:
    return f"{len(key)}:{key}="


def counted_value(term: str, key: str) -> Scalar:
    value: Scalar = json.loads(term[len(counted_prefix(key)) :])
    return value


def filter_query(filter_: Filter) -> Query:
    """Documents, and passages of documents, that a filter allows."""
    if isinstance(filter_, Combination):
        parts = [filter_query(part) for part in filter_.filters]
        if filter_.operator == "and":
            return {"bool": {"filter": parts}} if parts else {"match_all": {}}
        return {"bool": {"should": parts, "minimum_should_match": 1}} if parts else {"match_none": {}}
    if isinstance(filter_, Audience):
        return _readable(filter_)
    values = filter_.value if isinstance(filter_.value, tuple) else (filter_.value,)
    match filter_.operator:
        case "eq" | "in":
            return _any_equal(filter_.key, values)
        case "ne" | "nin":
            return {"bool": {"must_not": [_any_equal(filter_.key, values)]}}
        case operator:
            return _compared(filter_.key, _BOUNDS[operator], values[0])


def _readable(audience: Audience) -> Query:
    groups: Query = {"terms": {"fields": [f"{_ACCESS}{group}" for group in (EVERYONE, *audience.groups)]}}
    if audience.collections is None:
        return groups
    return {"bool": {"filter": [_any_equal("collection", audience.collections), groups]}}


def _any_equal(key: str, values: Sequence[Scalar]) -> Query:
    return {"terms": {"fields": [_term(key, value) for value in values]}} if values else {"match_none": {}}


def _compared(key: str, bound: str, value: Scalar) -> Query:
    prefix = _prefix(key, value)
    limits = {bound: _term(key, value)}
    # The terms of this key and kind end before the next letter.
    limits |= {"gte": prefix} if bound.startswith("l") else {"lt": f"{prefix[:-1]}{chr(ord(prefix[-1]) + 1)}"}
    return {"range": {"fields": limits}}


def _values(stored: StoredDocument) -> Mapping[str, Sequence[Scalar]]:
    own: dict[str, Any] = {key: value for key, value in stored.metadata.items() if key not in FIELDS}
    own |= {name: getattr(stored, name) for name in FIELDS}
    return {key: value if isinstance(value, list | tuple) else [value] for key, value in own.items() if value is not None}


def _prefix(key: str, value: Scalar) -> str:
    return f"{len(key)}:{key}{'t' if isinstance(value, str) else 'n'}"


def _term(key: str, value: Scalar) -> str:
    return f"{_prefix(key, value)}{shorten(value) if isinstance(value, str) else _sortable(value)}"


def shorten(text: str) -> str:
    """A text of at most MAX_TERM characters, and of a longer one its beginning and a hash."""
    if len(text) <= MAX_TERM:
        return text
    return f"{text[:MAX_TERM]}\x01{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _sortable(value: float) -> str:
    """Hexadecimal digits that sort as numbers do, the same for 3 and 3.0."""
    number = float(value) if isinstance(value, int) and abs(value) > _LARGEST_INTEGER else value
    nearest = float(number) + 0.0  # 0.0 for -0.0
    (bits,) = struct.unpack(">q", struct.pack(">d", nearest))
    rest = int(number) - int(nearest) if isinstance(number, int) else 0
    return f"{(bits ^ _LARGEST_INTEGER if bits < 0 else bits) + _HALF:016x}{rest + _REST:04x}"
