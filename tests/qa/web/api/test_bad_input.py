"""Invalid input over HTTP: a 4xx problem document that names the field, never a 5xx or a traceback in the log."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples

DEEP = 100_000
JSON = "application/json"


def assert_problem(response: Any, statuses: set[int], field: str | None = None) -> None:
    """Check for an RFC 9457 document with one of the statuses that names `field`, if given."""
    assert response.status in statuses, (response.status, response.text)
    assert response.headers.get_content_type() == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == response.status
    assert problem["detail"]
    assert "Traceback" not in response.text
    if field is not None:
        assert any(error["field"] == field and error["message"] for error in problem["errors"]), problem


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": " \n\t\u3000"}, "query"),
        ({"query": "x" * 2001}, "query"),
        ({"query": None}, "query"),
        ({"query": 5}, "query"),
        ({"query": True}, "query"),
        ({"query": ["who"]}, "query"),
        ({"query": {"text": "who"}}, "query"),
        ({"query": "a\0b"}, "query"),
        ({"query": "lone \ud800"}, "query"),
        ({"query": f"lone {chr(0xDFFF)}"}, "query"),
        ({"query": "who", "limit": 0}, "limit"),
        ({"query": "who", "limit": -1}, "limit"),
        ({"query": "who", "limit": 101}, "limit"),
        ({"query": "who", "limit": 10**30}, "limit"),
        ({"query": "who", "limit": True}, "limit"),
        ({"query": "who", "limit": "5"}, "limit"),
        ({"query": "who", "limit": 1.5}, "limit"),
        ({"query": "who", "limit": None}, "limit"),
        ({"query": "who", "limit": [5]}, "limit"),
        ({"query": "who", "limti": 5}, "limti"),
        ({"query": "who", "Query": "who"}, "Query"),
        ({"query": "who", "": 1}, ""),
        ({"q": "who"}, "q"),
        ({"query": "who", "\ud800": 1}, "body"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_names_the_invalid_field(server: Any, body: dict[str, Any], field: str) -> None:
    assert_problem(server.post("/v1/search", json.dumps(body).encode()), {422}, field or None)


@pytest.mark.parametrize(
    "body",
    [b"[]", b'["query"]', b'"query"', b"5", b"null", b"true", b"[[[]]]"],
    ids=lambda value: value.decode(),
)
def test_refuses_a_body_that_is_not_an_object(server: Any, body: bytes) -> None:
    assert_problem(server.post("/v1/search", body), {400, 422}, "body")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'query': 'who'}",
        b'{"query": "who"',
        b'{"query": "who",}',
        b'{"query": "who"} {"query": "who"}',
        b'{"query": "who", "query": "what"}',
        b'{"query": "who", "limit": NaN}',
        b'{"query": "who", "limit": Infinity}',
        b'{"query": "who", "limit": -Infinity}',
        b'{"query": "who\n"}',
        b'{"query": "\\x41"}',
        b'{"query": "\xff\xfe"}',
        b'{"query": "\xed\xa0\x80"}',
        b"\xff\xfe\x00\x01",
        b"\0",
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"query": ' * DEEP,
        b'{"query": "who", "limit": ' + b"9" * 5000 + b"}",
        b'{"query": "who", "limit": 1e999}',
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_refuses_malformed_json(server: Any, body: bytes) -> None:
    assert_problem(server.post("/v1/search", body), {400, 422})


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", "\t"]
)
def test_refuses_another_content_type_and_names_the_right_one(server: Any, content_type: str | None) -> None:
    response = server.post("/v1/search", b'{"query": "who"}', content_type)
    assert_problem(response, {415})
    assert JSON in response.json()["detail"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_accepts_spellings_of_the_content_type(server: Any, content_type: str) -> None:
    assert server.post("/v1/search", b'{"query": "who"}', content_type).status == 200


@pytest.mark.parametrize(
    ("query_string", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%09", "q"),
        ("q=" + "x" * 2001, "q"),
        ("q=a%00b", "q"),
        ("query=who", "query"),
        ("q=who&limit=0", "limit"),
        ("q=who&limit=101", "limit"),
        ("q=who&limit=", "limit"),
        ("q=who&limit=true", "limit"),
        ("q=who&limit=1.5", "limit"),
        ("q=who&limit=-1", "limit"),
        ("q=who&limit=%2B5", "limit"),
        ("q=who&limit=5%20", "limit"),
        ("q=who&limit=1e1", "limit"),
        ("q=who&limit=" + quote("５"), "limit"),
        ("q=who&limit=" + "9" * 5000, "limit"),
        ("q=who&page=2", "page"),
    ],
)
def test_names_the_invalid_parameter(server: Any, query_string: str, field: str) -> None:
    assert_problem(server.get(f"/v1/search?{query_string}"), {422}, field)


@pytest.mark.parametrize(
    "query_string",
    [
        "q=who&q=what",
        "q=who&limit=1&limit=2",
        "q=%ff",
        "q=%c3%28",
        "q=%ed%a0%80",
        "q=%f8%88%80%80%80",
        "q=who&" * 60 + "q=x",
        "%ff=who",
    ],
)
def test_refuses_a_malformed_query_string(server: Any, query_string: str) -> None:
    assert_problem(server.get(f"/v1/search?{query_string}"), {400})


def test_keeps_a_percent_sign_that_encodes_nothing(server: Any) -> None:
    response = server.get("/v1/search?q=100%25%zz%")
    assert response.status in {200, 400}
    if response.status == 200:
        assert response.json()["query"] == "100%%zz%"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_refuses_another_method_and_names_the_allowed_ones(server: Any, method: str) -> None:
    response = server.request(method, "/v1/search", b"{}", {"Content-Type": JSON})
    assert_problem(response, {405})
    assert {"GET", "POST"} <= {name.strip() for name in response.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    "target",
    [
        "/v1/nothing",
        "/v1/search/",
        "/v1",
        "/V1/search",
        "/d/",
        "/d/no-such-document",
        "/d/%00",
        "/d/%ff",
        "/d/../etc/passwd",
        "/static/",
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
        "/static/..%2fpages.py",
        "/static/nothing.css",
        "/%ff",
        "/" + "x" * 4000,
    ],
)
def test_an_unknown_path_is_a_problem_document(server: Any, target: str) -> None:
    assert_problem(server.get(target), {404})


def test_refuses_a_body_over_the_limit(server: Any) -> None:
    body = json.dumps({"query": "who" + " " * 3_000_000}).encode()
    assert_problem(server.post("/v1/search", body), {413})


def raw(server: Any, data: bytes) -> bytes:
    """The response to raw bytes."""
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        received = b""
        with suppress(ConnectionResetError, BrokenPipeError):  # the server may close the connection first
            connection.sendall(data)
            with suppress(OSError):  # not connected any more
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
    return received


@pytest.mark.parametrize(
    "data",
    [
        b"GET /v1/search?q=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /v1/search?q=\xc3\xa9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: abc\r\nConnection: close\r\n\r\n{}",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -5\r\nConnection: close\r\n\r\n{}",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 300_000 + b"\r\n\r\n",
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_malformed_http_causes_no_server_error(server: Any, data: bytes) -> None:
    received = raw(server, data)
    # The server may also close the connection without a response.
    assert not received or (received.startswith(b"HTTP/1.") and received[9:10] in b"24"), received[:200]
    assert b"Traceback" not in received


def test_incomplete_requests_do_not_block_others(server: Any) -> None:
    begun = (
        b'POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"query": "who'
    )
    connections = [socket.create_connection((server.host, server.port), timeout=60) for _ in range(20)]
    try:
        for connection in connections:
            connection.sendall(begun)
        assert server.search("who")["results"]
    finally:
        for connection in connections:
            connection.close()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["query", "limit", "filter", "facets", "history", "explain", "q", "x"])
BODIES = st.one_of(
    st.binary(max_size=200),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(FIELDS, VALUES, max_size=5).map(lambda value: json.dumps(value).encode()),
    st.tuples(st.text(st.characters(), max_size=60), VALUES).map(
        lambda pair: json.dumps({"query": pair[0] or "x", "limit": pair[1]}).encode("utf-8")
    ),
)


@given(body=BODIES)
@examples(200)
def test_no_body_causes_a_server_error(server: Any, body: bytes) -> None:
    response = server.post("/v1/search", body)
    if response.status == 200:
        assert response.json()["query"] == json.loads(body)["query"].strip()
    else:
        assert_problem(response, {400, 422})


@given(query_string=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60))
@examples(200)
def test_no_query_string_causes_a_server_error(server: Any, query_string: str) -> None:
    for target in ("/v1/search", "/"):
        assert server.get(f"{target}?{query_string}").status < 500
        assert server.get(f"{target}?q={query_string}").status < 500


def test_the_log_contains_no_traceback_afterwards(server: Any) -> None:
    assert server.search("Who signed the memorandum?")["results"]
    assert "Traceback" not in server.log
