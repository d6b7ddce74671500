"""Targets: splitting, filters, quotes and request models, with the properties that hold for any values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, cast

import apsw
from flask import Request
from pydantic import BaseModel, TypeAdapter

from benchmarks.fuzzing.choices import Choices, document, filter_value, json_like, one_of, prose
from corpus.splitting.passages import split
from corpus.types import Document
from index.embedded.store.filter_sql import filter_sql
from qa.answering.units.candidates import Region, units
from qa.answering.verification import Verdict, verify
from qa.web.schemas.document_requests import AddressRequest, DocumentRequest, PageParameters
from qa.web.schemas.openai.requests import ChatRequest, VectorStoreSearchRequest
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_body, from_query_string
from qa.web.schemas.requests import (
    AnyFilter,
    FeedbackRequest,
    SearchPageParameters,
    SearchParameters,
    SearchRequest,
    VerifyRequest,
)

BODIES: Sequence[type[BaseModel]] = (
    SearchRequest,
    DocumentRequest,
    AddressRequest,
    FeedbackRequest,
    VerifyRequest,
    ChatRequest,
    VectorStoreSearchRequest,
)
PARAMETERS: Sequence[type[BaseModel]] = (SearchParameters, SearchPageParameters, PageParameters)

_TOKENS = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Sent:
    """The part of a Flask request that the models read."""

    body: bytes = b""
    query_string: bytes = b""
    mimetype: str = "application/json"

    def get_data(self, cache: bool = True) -> bytes:
        return self.body


class Pieces:
    """Counts tokens roughly as a model does: long words have several."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [sum(-(-len(token) // 6) for token in _TOKENS.findall(text)) for text in texts]


def splitting(choices: Choices) -> None:
    """Passages are verbatim, do not overlap, cover the text, do not cross headings, and fit the budget."""
    whole, tokenizer, budget = document(choices), Pieces(), choices.integer(8, 300)
    passages = split(whole, tokenizer, budget)
    text = whole.text
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text == passage.text.strip() != ""
        assert not any(passage.start < heading.end and heading.start < passage.end for heading in whole.headings) or not _body(
            whole
        )
        assert (passage.page is None) == (not whole.pages)
        assert len(passage.text) < 2 or tokenizer.count_tokens([passage.searchable_text])[0] <= budget
    assert all(one.end <= following.start for one, following in pairwise(passages))
    assert _solid("".join(passage.text for passage in passages)) == (_body(whole) or _solid(text)), "words are lost"


def _body(whole: Document) -> str:
    kept, position = [], 0
    for heading in whole.headings:
        kept.append(whole.text[position : heading.start])
        position = heading.end
    return _solid("".join([*kept, whole.text[position:]]))


def _solid(text: str) -> str:
    return "".join(text.split())


KEYS = ("id", "title", "url", "date", "language", "kind", "rank", "tags", "public", "none", 'odd "key" $.x', "")
VALUES: Sequence[Any] = ("a", "b", "5", "", "é", "en", "2024", "2024-06-15", 0, 1, 5, -3, 2.5, 10**30, -(10**30), True, False)
STORED: Sequence[tuple[Mapping[str, str | None], Mapping[str, Any]]] = (
    (
        {"id": "a", "title": "b", "url": None, "date": "2024-06-15", "language": "en"},
        {"kind": "a", "rank": 1, "tags": ["a", "b"]},
    ),
    ({"id": "b", "title": "5", "url": "a", "date": None, "language": None}, {"kind": "5", "rank": 2.5, "public": True}),
    (
        {"id": "5", "title": "é", "url": "", "date": "2024", "language": "en"},
        {"rank": 10**30, "tags": [], 'odd "key" $.x': "a"},
    ),
    (
        {"id": "é", "title": "", "url": "é", "date": "2025", "language": "fr"},
        {"rank": "5", "public": False, "tags": ["5"], "": 0},
    ),
    ({"id": "0", "title": "a", "url": None, "date": None, "language": None}, {}),
)


@cache
def _connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE documents (id TEXT, title TEXT, source TEXT, url TEXT, date TEXT, type TEXT, language TEXT, metadata TEXT)"
    )
    for columns, metadata in STORED:
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        connection.execute(
            f"INSERT INTO documents ({names}, metadata) VALUES ({marks}, ?)", (*columns.values(), json.dumps(metadata))
        )
    return connection


@cache
def _filters() -> TypeAdapter[Any]:
    return TypeAdapter(AnyFilter)


def filtering(choices: Choices) -> None:
    """A filter's SQL selects the same records as plain Python."""
    made = filter_value(choices, KEYS[:-1], VALUES)
    condition, bound = filter_sql(_filters().validate_python(made).filter())
    found = {row[0] for row in _connection().execute(f"SELECT d.id FROM documents d WHERE {condition}", bound)}
    expected = {columns["id"] for columns, metadata in STORED if _lets_through(made, {**metadata, **columns})}
    assert found == expected, (found, expected)


def _lets_through(made: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    kind = made["type"]
    if kind in ("and", "or"):
        return (all if kind == "and" else any)(_lets_through(part, record) for part in made["filters"])
    have = record.get(made["key"])
    values = have if isinstance(have, list) else [] if have is None else [have]
    wanted = [_stored(value) for value in (made["value"] if kind in ("in", "nin") else [made["value"]])]
    holds = any(_compares(kind, _stored(value), one) for value in values for one in wanted)
    return holds != (kind in ("ne", "nin"))


def _stored(value: Any) -> Any:
    """SQLite stores integers beyond 64 bits as floats."""
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def _compares(kind: str, have: Any, value: Any) -> bool:
    if isinstance(have, str) != isinstance(value, str):
        return False
    match kind:
        case "gt":
            return bool(have > value)
        case "gte":
            return bool(have >= value)
        case "lt":
            return bool(have < value)
        case "lte":
            return bool(have <= value)
    return bool(have == value)


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def modelling(choices: Choices) -> None:
    """A nearly valid body becomes a model that survives a round trip, or a Problem."""
    model = one_of(choices, BODIES)
    schema = _schema(model)
    body = json.dumps(json_like(choices, schema, schema.get("$defs", {}))).encode()
    _check_body(model, body)


def bodies(data: bytes) -> None:
    """Any bytes as a body or query string; the first byte selects the model."""
    number = data[0] % (len(BODIES) + len(PARAMETERS)) if data else 0
    if number < len(BODIES):
        _check_body(BODIES[number], data[1:])
        return
    try:
        from_query_string(cast(Request, Sent(query_string=data[1:])), PARAMETERS[number - len(BODIES)])
    except Problem as problem:
        _check_problem(problem)


def _check_body(model: type[BaseModel], body: bytes) -> None:
    try:
        made = from_body(cast(Request, Sent(body)), model)
    except Problem as problem:
        _check_problem(problem)
        return
    if isinstance(made, ChatRequest):
        made.request()
    again = model.model_validate(json.loads(made.model_dump_json(exclude_unset=True)))
    assert again.model_dump() == made.model_dump(), "another one when it is written and read again"


def _check_problem(problem: Problem) -> None:
    assert problem.status in (400, 415, 422)
    assert problem.detail
    assert problem.status != 422 or all(error["field"] and error["message"] for error in problem.errors)
    json.dumps([problem.detail, problem.errors], ensure_ascii=False).encode()


def quoting(choices: Choices) -> None:
    """Every unit's quote has correct offsets in any text."""
    text, question = prose(choices), prose(choices, 8)
    for unit in units(Region(0, text, question, (0,)), [0]):
        start, end = unit.quote
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        assert verify(text, text[start:end], start, end) == (Verdict.VERBATIM, (start, end))
    low, high = choices.integer(0, len(text) + 2), choices.integer(0, len(text) + 2)
    quote = text[low:high] if low < high and choices.integer(0, 1) else prose(choices, 3)
    if not quote:
        return
    changed = one_of(choices, (text, question + text, text.replace(quote, "", 1), text * 2))
    verdict, place = verify(changed, quote, low, high)
    if verdict is Verdict.CHANGED:
        assert quote not in changed
        assert place is None
    else:
        assert place is not None
        assert changed[slice(*place)] == quote
        assert (verdict is Verdict.VERBATIM) == (changed[low:high] == quote)
