"""JSON Lines: a document per line, and a failure with line and field per invalid record."""

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


def test_records_become_documents(check_document: Callable[[Document], None]) -> None:
    (found,) = read(lines(GOOD), "docs.jsonl")
    assert isinstance(found, Document)
    check_document(found)
    assert (found.id, found.title, found.text, found.url, found.date, found.metadata) == tuple(GOOD.values())


def test_accepts_beir_ids_and_numbers() -> None:
    found = list(read(lines({"_id": "MED-1", "title": "", "text": "x."}, {"id": 7, "text": "y."}), "corpus.jsonl"))
    assert [each.id for each in found if isinstance(each, Document)] == ["MED-1", "7"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({**GOOD, "body": "x"}, "unknown field 'body'"),
        ({**GOOD, "text": 3}, "field 'text' must be a string, not a number"),
        ({"id": "a", "title": "x"}, "field 'text' must be a string, not null or missing"),
        ({**GOOD, "id": ""}, "field 'id'"),
        ({**GOOD, "id": True}, "field 'id' must be a non-empty string"),
        ({**GOOD, "date": "soon"}, "field 'date' must be a date such as 2025-07-21, not 'soon'"),
        ({**GOOD, "metadata": []}, "field 'metadata' must be an object, not a list"),
        ({**GOOD, "metadata": {"a": {"b": 1}}}, "boolean or a list of strings, not an object"),
        ({**GOOD, "metadata": {"a": float("nan")}}, "field 'metadata.a' must be a string, a finite number"),
        ({**GOOD, "text": " "}, "no text"),
        (["id"], "not a JSON object"),
    ],
)
def test_invalid_record_is_a_failure_that_names_the_field(record: Any, words: str) -> None:
    before, wrong, after = read(lines(GOOD, record, GOOD), "docs.jsonl")
    assert isinstance(before, Document)
    assert isinstance(after, Document)
    assert isinstance(wrong, ReadFailure)
    assert words in wrong.reason
    assert wrong.name in ("docs.jsonl, line 2", "docs.jsonl, record 2")


def test_broken_line_is_a_failure_and_blank_lines_are_skipped() -> None:
    found = list(read(lines(GOOD) + b"\n\n{oops\n" + lines(GOOD), "docs.jsonl"))
    assert [type(each).__name__ for each in found] == ["Document", "ReadFailure", "Document"]
    assert "line 3" in found[1].reason  # type: ignore[union-attr]


def test_reads_a_list_and_a_single_object() -> None:
    assert len(list(read(json.dumps([GOOD, GOOD]).encode(), "docs.json"))) == 2
    assert len(list(read(json.dumps(GOOD, indent=2).encode(), "doc.json"))) == 1


def test_deeply_nested_json_is_an_error() -> None:
    with pytest.raises(ReadError, match="nested too deep"):
        list(read(b'{"text":' + b"[" * 200_000, "docs.json"))


def test_replaces_characters_that_cannot_be_stored() -> None:
    (found,) = read(b'{"id": "a\\u0000", "text": "x\\ud800y\\u0000z\\r\\nw"}', "docs.jsonl")
    assert isinstance(found, Document)
    assert (found.id, found.text) == ("a\ufffd", "x\ufffdy\ufffdz\nw")
