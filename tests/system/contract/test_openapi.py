"""The OpenAPI document: it lists every route for programs and describes the requests that are accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from qa.web.application import create_app
from qa.web.routes import routes_of

HTTP = Path(__file__).parent.parent.parent.parent / "docs" / "http.md"


@pytest.fixture(scope="module")
def document(server: Any) -> Any:
    response = server.get("/openapi.json")
    assert response.headers.get_content_type() == "application/json"
    return response.json()


def test_lists_every_route_for_programs(document: Any) -> None:
    routes = routes_of(create_app(lambda: None))
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert named == {endpoint for endpoint, route in routes.items() if route.summary}
    undocumented = {endpoint for endpoint, route in routes.items() if route.rule.startswith("/v1/")} - named
    assert not undocumented, "give these routes a summary"


def test_http_documentation_describes_every_route() -> None:
    text = HTTP.read_text("utf-8")
    for endpoint, route in routes_of(create_app(lambda: None)).items():
        path = re.sub(r"<[^>]+>", "{id}", re.sub(r"<int:[^>]+>", "{n}", route.rule.replace("<version:version>", "{version}")))
        assert endpoint == "static" or f"{route.method} {path}" in text, "describe it in docs/http.md"


def test_schemas_are_valid_and_references_resolve(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema_rs.meta.validate(schema)
    references = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)))
    assert references
    assert references <= set(schemas)


@pytest.mark.parametrize(
    ("model", "value", "fits"),
    [
        ("SearchRequest", {"query": "who", "limit": 5, "filter": {"type": "eq", "key": "id", "value": "x"}}, True),
        ("SearchRequest", {"query": ""}, False),
        ("SearchRequest", {"query": "x" * 2001}, False),
        ("SearchRequest", {"query": "who", "limit": 101}, False),
        ("SearchRequest", {"query": "who", "limti": 1}, False),
        ("DocumentRequest", {"title": "T"}, False),
    ],
)
def test_describes_the_requests_that_are_accepted(document: Any, server: Any, model: str, value: Any, fits: bool) -> None:
    schema = {"$ref": f"#/components/schemas/{model}", "components": document["components"]}
    assert jsonschema_rs.is_valid(schema, value) is fits


def test_docs_page_lists_everything_without_external_resources(server: Any, document: Any) -> None:
    page = server.get("/docs")
    assert page.headers.get_content_type() == "text/html"
    assert "'none'" in page.headers["Content-Security-Policy"]
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page.text
    assert all(f'id="{name}"' in page.text for name in document["components"]["schemas"])
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page.text)
