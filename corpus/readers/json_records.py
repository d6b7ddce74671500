"""Yields the records of a JSON file: one per line, the items of a list, or a single object."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from corpus.readers.decoding import decode
from corpus.types import ReadError, ReadFailure

Record = dict[str, Any]


def read_records(data: bytes, name: str) -> Iterator[tuple[str, Record] | ReadFailure]:
    """Yield each record with its place ("guides.jsonl, line 3"), or a failure. Raises ReadError if the file is not JSON."""
    text = decode(data, name).text.lstrip("\ufeff")
    if _is_json_lines(text):
        yield from _read_lines(text, name)
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{name} is neither JSON nor JSON Lines ({_reason(error)}); write one JSON object per line") from error
    if isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield _record(item, f"{name}, item {number}")
    else:
        yield _record(value, name)


def _is_json_lines(text: str) -> bool:
    """Whether each line is a record, so that a broken line affects no other."""
    start = text.lstrip()
    if not start.startswith("{"):
        return False
    line = start.partition("\n")[0]
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        # A broken first line, or the first line of one formatted object, whose other lines are indented.
        return start.count("\n{") > 0


def _read_lines(text: str, name: str) -> Iterator[tuple[str, Record] | ReadFailure]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        place = f"{name}, line {number}"
        try:
            yield _record(json.loads(line), place)
        except (ValueError, RecursionError) as error:
            yield ReadFailure(place, f"{place} is not a JSON object ({_reason(error)})")


def _record(value: object, place: str) -> tuple[str, Record] | ReadFailure:
    if isinstance(value, dict):
        return place, value
    return ReadFailure(place, f"{place} is a {type(value).__name__}, not a JSON object")


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
