"""Reads JSON Lines of documents: `id` (or BEIR's `_id`), `title`, `text`, `url`, `date`, `metadata`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from corpus.readers.dates import iso_date
from corpus.readers.decoding import sanitise
from corpus.readers.json_records import Record, read_records
from corpus.types import Document, MetadataValue, ReadError, ReadFailure

_FIELDS = frozenset(("id", "_id", "title", "text", "url", "date", "metadata"))


class JsonRecordsReader:
    """Reads many documents from one file; an invalid record becomes a failure and affects no other."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
        for found in read_records(data, name):
            if isinstance(found, ReadFailure):
                yield found
                continue
            place, record = found
            try:
                yield document_from_record(record)
            except ReadError as error:
                yield ReadFailure(place, f"{place}: {error}")


def document_from_record(record: Record) -> Document:
    """The document of one record. Raises ReadError naming the invalid field."""
    for field in record:
        if field not in _FIELDS:
            raise ReadError(f"unknown field {field!r}; the fields are id, title, text, url, date and metadata")
    return Document(
        text=sanitise(_string(record, "text")),
        title=sanitise(_optional_string(record, "title")),
        id=_id(record),
        url=_optional_string(record, "url") or None,
        date=_date(_optional_string(record, "date")),
        type="jsonl",
        metadata=_metadata(record.get("metadata")),
    )


def _string(record: Record, field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise ReadError(f"field {field!r} must be a string, not {_kind(value)}")
    return value


def _optional_string(record: Record, field: str) -> str:
    return "" if record.get(field) is None else _string(record, field)


def _id(record: Record) -> str | None:
    value = record.get("id", record.get("_id"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ReadError("field 'id' must be a non-empty string or a number")
    return sanitise(value)


def _date(text: str) -> str | None:
    if not text:
        return None
    date = iso_date(text)
    if date is None:
        raise ReadError(f"field 'date' must be a date such as 2025-07-21, not {text[:40]!r}")
    return date


def _metadata(value: Any) -> Mapping[str, MetadataValue]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ReadError(f"field 'metadata' must be an object, not {_kind(value)}")
    return {sanitise(key): _metadata_value(key, inner) for key, inner in value.items()}


def _metadata_value(key: str, value: Any) -> MetadataValue:
    if isinstance(value, str):
        return sanitise(value)
    if isinstance(value, bool | int | float) and isfinite(value):
        return value
    if isinstance(value, list) and all(isinstance(inner, str) for inner in value):
        return [sanitise(inner) for inner in value]
    raise ReadError(
        f"field 'metadata.{key}' must be a string, a finite number, a boolean or a list of strings, not {_kind(value)}"
    )


def _kind(value: object) -> str:
    kinds = {type(None): "null or missing", dict: "an object", list: "a list", bool: "a boolean", int: "a number"}
    return kinds.get(type(value), "a string" if isinstance(value, str) else "a number")
