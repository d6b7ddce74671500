"""JSON Lines of documents: `id`, `title`, `text`, `url`, `date`, `metadata`; BEIR's `_id` is taken for `id`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from corpus.readers.dates import iso_date
from corpus.readers.decoding import sanitise
from corpus.readers.json_records import Record, records
from corpus.types import Document, MetadataValue, ReadError, ReadFailure

_FIELDS = frozenset(("id", "_id", "title", "text", "url", "date", "metadata"))


class JsonRecordsReader:
    """Reads thousands of documents from one file; a record that is not one is reported and spoils no other."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
        for found in records(data, name):
            if isinstance(found, ReadFailure):
                yield found
                continue
            place, record = found
            try:
                yield document_from_record(record)
            except ReadError as error:
                yield ReadFailure(place, f"{place}: {error}")


def document_from_record(record: Record) -> Document:
    """The document that one record describes. Raises ReadError with the field that is wrong."""
    for field in record:
        if field not in _FIELDS:
            raise ReadError(f"unknown field {field!r}; known are id, title, text, url, date and metadata")
    return Document(
        text=sanitise(_string(record, "text", required=True)),
        title=sanitise(_string(record, "title")),
        id=_id(record),
        url=_string(record, "url") or None,
        date=_date(_string(record, "date")),
        type="jsonl",
        metadata=_metadata(record.get("metadata")),
    )


def _string(record: Record, field: str, required: bool = False) -> str:
    value = record.get(field)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise ReadError(f"field {field!r} is {_kind(value)} where a string is expected")
    return value


def _id(record: Record) -> str | None:
    value = record.get("id", record.get("_id"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ReadError(f"field 'id' is {_kind(value)} where a string that is not empty is expected")
    return sanitise(value)


def _date(written: str) -> str | None:
    if not written:
        return None
    date = iso_date(written)
    if date is None:
        raise ReadError(f"field 'date' is {written[:40]!r}, which is no date; write it as 2025-07-21")
    return date


def _metadata(value: Any) -> Mapping[str, MetadataValue]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ReadError(f"field 'metadata' is {_kind(value)} where an object is expected")
    return {sanitise(key): _metadata_value(key, inner) for key, inner in value.items()}


def _metadata_value(key: str, value: Any) -> MetadataValue:
    if isinstance(value, str):
        return sanitise(value)
    if isinstance(value, bool | int | float) and isfinite(value):
        return value
    if isinstance(value, list) and all(isinstance(inner, str) for inner in value):
        return [sanitise(inner) for inner in value]
    raise ReadError(f"field 'metadata.{key}' is {_kind(value)}; it may be a string, a number, true, false or a list of strings")


def _kind(value: object) -> str:
    kinds = {type(None): "missing or null", dict: "an object", list: "a list", bool: "true or false", int: "a number"}
    return kinds.get(type(value), "a string" if isinstance(value, str) else "a number")
