"""JSON Lines: one document a line, given ids kept, and each wrong record reported with its line and field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from corpus.readers import read
from corpus.types import Document, ReadError, ReadFailure

GOOD = {"id": "a", "title": "A", "text": "Words.", "url": "https://example.org/a", "date": "2024-03-05", "metadata": {"n": 1}}


def lines(*records: Any) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


def test_records_become_documents(check_places: Callable[[Document], None]) -> None:
    (found,) = read(lines(GOOD), "docs.jsonl")
    assert isinstance(found, Document)
    check_places(found)
    assert (found.id, found.title, found.text, found.url, found.date, found.metadata) == tuple(GOOD.values())


def test_beirs_id_and_numbers_are_taken_for_ids() -> None:
    found = list(read(lines({"_id": "MED-1", "title": "", "text": "x."}, {"id": 7, "text": "y."}), "corpus.jsonl"))
    assert [each.id for each in found if isinstance(each, Document)] == ["MED-1", "7"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({**GOOD, "body": "x"}, "unknown field 'body'"),
        ({**GOOD, "text": 3}, "field 'text' is a number"),
        ({"id": "a", "title": "x"}, "field 'text' is missing"),
        ({**GOOD, "id": ""}, "field 'id'"),
        ({**GOOD, "id": True}, "field 'id' is true or false"),
        ({**GOOD, "date": "soon"}, "field 'date' is 'soon'"),
        ({**GOOD, "metadata": []}, "field 'metadata' is a list"),
        ({**GOOD, "metadata": {"a": {"b": 1}}}, "field 'metadata.a' is an object"),
        ({**GOOD, "metadata": {"a": float("nan")}}, "field 'metadata.a' is a number"),
        ({**GOOD, "text": " "}, "no text"),
        (["id"], "not a JSON object"),
    ],
)
def test_a_wrong_record_is_reported_with_its_field_and_spoils_no_other(record: Any, words: str) -> None:
    before, wrong, after = read(lines(GOOD, record, GOOD), "docs.jsonl")
    assert isinstance(before, Document)
    assert isinstance(after, Document)
    assert isinstance(wrong, ReadFailure)
    assert words in wrong.reason
    assert wrong.name in ("docs.jsonl, line 2", "docs.jsonl, record 2")


def test_a_broken_line_is_reported_and_blank_ones_are_passed_over() -> None:
    found = list(read(lines(GOOD) + b"\n\n{oops\n" + lines(GOOD), "docs.jsonl"))
    assert [type(each).__name__ for each in found] == ["Document", "ReadFailure", "Document"]
    assert "line 3" in found[1].reason  # type: ignore[union-attr]


def test_a_list_and_a_single_object_are_read_too() -> None:
    assert len(list(read(json.dumps([GOOD, GOOD]).encode(), "docs.json"))) == 2
    assert len(list(read(json.dumps(GOOD, indent=2).encode(), "doc.json"))) == 1


def test_json_nested_too_deep_is_an_error() -> None:
    with pytest.raises(ReadError, match="nested too deep"):
        list(read(b'{"text":' + b"[" * 200_000, "docs.json"))


def test_characters_that_no_store_can_hold_are_replaced() -> None:
    (found,) = read(b'{"id": "a\\u0000", "text": "x\\ud800y\\u0000z\\r\\nw"}', "docs.jsonl")
    assert isinstance(found, Document)
    assert (found.id, found.text) == ("a\ufffd", "x\ufffdy\ufffdz\nw")
