"""Documents and failures as JSON lines between a reader process and its parent.

The reader process may have read a hostile file, so the receiver checks every type and offset.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from corpus.types import Document, Heading, MetadataValue, ReadFailure, Table

_OPTIONAL = ("id", "part", "url", "date", "type", "language")


def to_line(found: Document | ReadFailure) -> bytes:
    """Encode as one line with its line feed."""
    if isinstance(found, ReadFailure):
        value: dict[str, Any] = {"failure": [found.name, found.reason, found.needs_ocr]}
    else:
        value = {
            "text": found.text,
            "title": found.title,
            "headings": [[each.start, each.end, each.level, each.title, each.anchor] for each in found.headings],
            "tables": [[each.start, each.head_end, each.end, each.caption] for each in found.tables],
            "pages": found.pages,
            "metadata": dict(found.metadata),
            **{field: getattr(found, field) for field in _OPTIONAL},
        }
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def from_line(line: bytes) -> Document | ReadFailure:
    """Decode a line. Raises ValueError unless `to_line` could have written it."""
    try:
        value = json.loads(line)
        return _failure(value["failure"]) if "failure" in value else _document(value)
    except (TypeError, KeyError, IndexError, RecursionError) as error:
        raise ValueError(f"not a document: {error}") from error


def _failure(value: list[Any]) -> ReadFailure:
    name, reason, needs_ocr = value
    return ReadFailure(_check_type(name, str), _check_type(reason, str), _check_type(needs_ocr, bool))


def _document(value: dict[str, Any]) -> Document:
    text = _check_type(value["text"], str)
    headings = tuple(_heading(each, len(text)) for each in value["headings"])
    pages = tuple(_offset(page, len(text)) for page in value["pages"])
    tables = tuple(_table(each, len(text)) for each in value["tables"])
    if any(one.end > following.start for one, following in pairwise(tables)):
        raise ValueError("tables are not in the order of the text")
    if list(pages) != sorted(pages) or [each.start for each in headings] != sorted(each.start for each in headings):
        raise ValueError("pages or headings are not in the order of the text")
    return Document(
        text=text,
        title=_check_type(value["title"], str),
        headings=headings,
        tables=tables,
        pages=pages,
        metadata={_check_type(key, str): _metadata_value(inner) for key, inner in value["metadata"].items()},
        **{field: _optional(value[field]) for field in _OPTIONAL},
    )


def _heading(value: list[Any], length: int) -> Heading:
    start, end, level, title, anchor = value
    if not 1 <= _check_type(level, int) <= 6 or _offset(start, length) > _offset(end, length):
        raise ValueError("a heading is out of range")
    return Heading(start, end, level, _check_type(title, str), _optional(anchor))


def _table(value: list[Any], length: int) -> Table:
    start, head_end, end, caption = value
    if not _offset(start, length) < _offset(head_end, length) < _offset(end, length):
        raise ValueError("a table is out of range")
    return Table(start, head_end, end, _check_type(caption, str))


def _offset(value: Any, length: int) -> int:
    offset: int = _check_type(value, int)
    if not 0 <= offset <= length:
        raise ValueError(f"offset {offset} is outside the text")
    return offset


def _metadata_value(value: Any) -> MetadataValue:
    if isinstance(value, list):
        return [_check_type(inner, str) for inner in value]
    if not isinstance(value, str | int | float | bool):
        raise ValueError(f"metadata of type {type(value).__name__}")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else str(_check_type(value, str))


def _check_type(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
