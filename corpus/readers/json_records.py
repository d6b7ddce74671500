"""The records of a JSON file: one a line, or the items of one list, or one for the whole file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from corpus.readers.decoding import decode
from corpus.types import ReadError, ReadFailure

Record = dict[str, Any]


def records(data: bytes, name: str) -> Iterator[tuple[str, Record] | ReadFailure]:
    """Each record with its place ("guides.jsonl, line 3"), or why there is none at that place.

    Raises ReadError where the file holds no JSON at all.
    """
    text = decode(data, name).text.lstrip("\ufeff")
    if _is_one_a_line(text):
        yield from _from_lines(text, name)
        return
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{name} is neither JSON nor JSON Lines ({_reason(error)}); write one JSON object a line") from error
    items = whole if isinstance(whole, list) else [whole]
    for number, item in enumerate(items, start=1):
        place = f"{name}, item {number}" if isinstance(whole, list) else name
        yield _record(item, place)


def _is_one_a_line(text: str) -> bool:
    """Whether the first line holds a whole object: then one line that is broken spoils no other."""
    start = text.lstrip()
    if not start.startswith("{"):
        return False
    line = start.partition("\n")[0]
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        # A broken first line among others; an object written over many lines opens with little more than its brace.
        return start.count("\n{") > 0


def _from_lines(text: str, name: str) -> Iterator[tuple[str, Record] | ReadFailure]:
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
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
