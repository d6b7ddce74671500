"""Documents and failures as JSON lines: how a reading process hands over what it found, without pickle.

The sender read a file that may be hostile, so the receiver checks every type and every offset.
"""

from __future__ import annotations

import json
from typing import Any

from corpus.types import Document, Heading, MetadataValue, ReadFailure

_OPTIONAL = ("id", "url", "date", "type", "language")


def to_line(found: Document | ReadFailure) -> bytes:
    """One line, its line feed included."""
    if isinstance(found, ReadFailure):
        value: dict[str, Any] = {"failure": [found.name, found.reason, found.unsupported]}
    else:
        value = {
            "text": found.text,
            "title": found.title,
            "headings": [[each.start, each.end, each.level, each.title, each.anchor] for each in found.headings],
            "pages": found.pages,
            "metadata": dict(found.metadata),
            **{field: getattr(found, field) for field in _OPTIONAL},
        }
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def from_line(line: bytes) -> Document | ReadFailure:
    """Raise ValueError where the line is none that `to_line` writes."""
    try:
        value = json.loads(line)
        return _failure(value["failure"]) if "failure" in value else _document(value)
    except (TypeError, KeyError, IndexError, RecursionError) as error:
        raise ValueError(f"not a document: {error}") from error


def _failure(value: list[Any]) -> ReadFailure:
    name, reason, unsupported = value
    return ReadFailure(_checked(name, str), _checked(reason, str), _checked(unsupported, bool))


def _document(value: dict[str, Any]) -> Document:
    text = _checked(value["text"], str)
    headings = tuple(_heading(each, len(text)) for each in value["headings"])
    pages = tuple(_offset(page, len(text)) for page in value["pages"])
    if list(pages) != sorted(pages) or [each.start for each in headings] != sorted(each.start for each in headings):
        raise ValueError("places are not in the order of the text")
    return Document(
        text=text,
        title=_checked(value["title"], str),
        headings=headings,
        pages=pages,
        metadata={_checked(key, str): _metadata_value(inner) for key, inner in value["metadata"].items()},
        **{field: _optional(value[field]) for field in _OPTIONAL},
    )


def _heading(value: list[Any], length: int) -> Heading:
    start, end, level, title, anchor = value
    if not 1 <= _checked(level, int) <= 6 or _offset(start, length) > _offset(end, length):
        raise ValueError("a heading is out of range")
    return Heading(start, end, level, _checked(title, str), _optional(anchor))


def _offset(value: Any, length: int) -> int:
    offset: int = _checked(value, int)
    if not 0 <= offset <= length:
        raise ValueError(f"offset {offset} lies outside the text")
    return offset


def _metadata_value(value: Any) -> MetadataValue:
    if isinstance(value, list):
        return [_checked(inner, str) for inner in value]
    if not isinstance(value, str | int | float | bool):
        raise ValueError(f"metadata of type {type(value).__name__}")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else str(_checked(value, str))


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} is expected")
    return value
