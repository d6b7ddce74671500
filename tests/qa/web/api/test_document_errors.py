"""Invalid requests for documents: a 4xx problem that names the field, never a 5xx."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.qa.web.api.documents import address, assert_problem


@pytest.mark.parametrize(
    ("query_string", "field"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("after=a%00b", "after"), ("before=a", "before")],
)
def test_refuses_invalid_page_parameters(documents: Any, query_string: str, field: str) -> None:
    assert_problem(documents.get(f"/v1/documents?{query_string}"), 422, field)


@pytest.mark.parametrize(
    "document_id",
    ["", " ", "x" * 501, "a\0b", "a\nb", "\x7f", "\u2028", ".", "..", "a/text", "\ud800", 5, True, ["a"], {"id": "a"}],
    ids=lambda value: ascii(value)[:30],
)
def test_refuses_an_invalid_id(documents: Any, document_id: object) -> None:
    body = json.dumps({"id": document_id, "title": "T", "text": "Words."}).encode()
    assert_problem(documents.post("/v1/documents", body), 422, "id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": None}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \n"}, "title"),
        ({"title": "x" * 1001}, "title"),
        ({"title": 5}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"text": None}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t\u3000"}, "text"),
        ({"text": ["Words."]}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "\udfff"}, "text"),
        ({"text": "x" * 10_000_001}, "text"),
        ({"url": 5}, "url"),
        ({"url": "a\0"}, "url"),
        ({"url": "\ud800"}, "url"),
        ({"url": "x" * 2001}, "url"),
        ({"date": "yesterday"}, "date"),
        ({"date": "2024-13-01"}, "date"),
        ({"date": 2024}, "date"),
        ({"date": "2024\0"}, "date"),
        ({"date": "\ud800"}, "date"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"": 1}}, "metadata."),
        ({"metadata": {"k": "a\0"}}, "metadata.k"),
        ({"metadata": {"k": "\ud800"}}, "metadata.k"),
        ({"metadata": {"k": None}}, "metadata.k"),
        ({"metadata": {"k": {"a": 1}}}, "metadata.k"),
        ({"metadata": {"k": [1]}}, "metadata.k"),
        ({"metadata": {"k": ["a\0"]}}, "metadata.k"),
        ({"metadata": {str(number): 1 for number in range(101)}}, "metadata"),
        ({"txet": "Words."}, "txet"),
        ({"source": "/etc/passwd"}, "source"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_names_the_invalid_field(documents: Any, change: dict[str, object], field: str) -> None:
    body = json.dumps({"title": "T", "text": "Words."} | change).encode()
    problem = assert_problem(documents.post("/v1/documents", body), 422)
    assert any(error["field"].startswith(field) and error["message"] for error in problem["errors"]), problem


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_refuses_an_infinite_number(documents: Any, number: str) -> None:
    body = f'{{"title": "T", "text": "Words.", "metadata": {{"k": {number}}}}}'.encode()
    assert documents.post("/v1/documents", body).status == 422


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a\0", "\ud800", "2024-01-01", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


RECORD = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "title": st.just("T") | JSON,
        "text": st.just("Words.") | JSON,
        "url": JSON,
        "date": JSON,
        "metadata": st.dictionaries(st.text(max_size=5), JSON, max_size=3) | JSON,
        "more": JSON,
    },
)


@given(RECORD)
@examples(200)
def test_no_json_causes_a_server_error(documents: Any, record: object) -> None:
    response = documents.post("/v1/documents", json.dumps(record).encode())
    assert response.status in {202, 400, 422}, (record, response.text)
    if response.status == 202:
        document_id = response.json()["document"]["id"]
        assert documents.finished(response.json()["job"])["status"] == "done"
        json.loads(documents.get(address(document_id)).body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert documents.get("/?q=words").status == 200
        assert documents.request("DELETE", address(document_id)).status == 200


@pytest.mark.parametrize("url", ["http://[", "javascript:alert(1)", "https://a b/", "//x", "http://x:y"])
def test_an_invalid_url_breaks_no_page(documents: Any, url: str) -> None:
    documents.finished(documents.add(id="odd-address", title="Address", text="The lighthouse blinks.", url=url))
    for target in ("/?q=lighthouse%20blinks", "/d/odd-address"):
        page = documents.get(target)
        assert page.status == 200
        assert "lighthouse" in page.text
        assert 'href="javascript' not in page.text
    documents.request("DELETE", address("odd-address"))


def test_refuses_a_body_over_the_limit_of_its_route(documents: Any) -> None:
    large = b'{"query": "' + b"x" * 1_000_000 + b'"}'
    assert "1,000,000" in assert_problem(documents.post("/v1/search", large), 413)["detail"]
    assert "50,000,000" in assert_problem(documents.post("/v1/documents", bytes(50_000_001)), 413)["detail"]
    assert "50,000,000" in assert_problem(documents.upload("a.txt", bytes(50_000_000)), 413)["detail"]
    response = documents.upload("a.html", b"<p>Words.</p><!--" + b"x" * 3_000_000 + b"-->", id="large")
    assert response.status == 202
    assert documents.finished(response.json()["job"])["status"] == "done"
    body = b'{"id": "large", "title": "T", "text": "Words.' + b" " * 3_000_000 + b'"}'
    assert documents.finished(documents.post("/v1/documents", body).json()["job"])["status"] == "done"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/jobs/0"),
        ("GET", "/v1/jobs/999999999999999999"),
        ("GET", "/v1/jobs/9" + "9" * 30),
        ("GET", "/v1/jobs/-1"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/jobs/%00"),
        ("GET", "/v1/passages/p0"),
        ("GET", "/v1/passages/1"),
        ("GET", "/v1/passages/p9" + "9" * 30),
        ("GET", "/v1/documents/none"),
        ("GET", "/v1/documents/%00"),
        ("GET", "/v1/documents/%ff"),
        ("GET", "/v1/documents/none/text"),
        ("GET", "/v1/documents/../../etc/passwd"),
        ("GET", "/v1/documents/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
        ("DELETE", "/v1/documents/none"),
        ("DELETE", "/v1/documents/%00"),
        ("DELETE", "/v1/documents/%ed%a0%80"),
        ("GET", "/d/none"),
    ],
)
def test_an_unknown_id_is_a_404(documents: Any, method: str, target: str) -> None:
    assert_problem(documents.request(method, target), 404)


def test_an_unsupported_method_is_a_405(documents: Any) -> None:
    for method, target in (("PUT", "/v1/documents/a"), ("DELETE", "/v1/documents"), ("POST", "/v1/jobs/1")):
        assert_problem(documents.request(method, target, b"{}"), 405)


def test_the_text_route_lists_its_methods(server: Any) -> None:
    target = "/v1/documents/press-release/text"
    allowed = {method.strip() for method in server.request("OPTIONS", target).headers["Allow"].split(",")}
    assert allowed == {"GET", "HEAD", "OPTIONS"}
    assert server.request("DELETE", target).status == 405
