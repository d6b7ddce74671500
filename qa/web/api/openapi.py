"""`/openapi.json`: the HTTP interface, derived from the route declarations. `/docs`: the same as a page, without external resources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template
from pydantic import ConfigDict, create_model

from index.access.audience import COLLECTION
from qa.version import installed_version
from qa.web.routes import READ, Route, route, routes_of
from qa.web.schemas.problems import OPENAI_ROUTES, OpenAIErrorAnswer, ProblemAnswer

blueprint = Blueprint("openapi", __name__)

OPENAPI_VERSION = "3.1.0"
REFERENCE = "#/components/schemas/{model}"
# Errors of the gate, the browser checks, the parser and the load shedding, which any route may return.
ALWAYS = (400, 401, 403, 421, 429, 503)
NO_CONTENT = 204
WITH_FIELDS = (422,)
WITH_BODY = (413, 415)
REASONS = {
    400: "Malformed request",
    401: "Missing or unknown key",
    403: "The key's role does not allow this, or the request comes from another site's page",
    404: "Not found",
    409: "Conflicts with what is stored",
    413: "The body is too large",
    415: "Unsupported content type",
    421: "Unknown host",
    422: "Invalid field",
    429: "Too many requests in the last minute",
    503: "Not ready or overloaded; retry later",
    507: "The disk is full",
}
_UPLOAD = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "id": {"type": "string"},
        "collection": {"type": "string", "pattern": f"^{COLLECTION}$"},
        "access": {"type": "string", "description": "Groups that may read it, separated by commas."},
    },
}
_NAME = {"type": "string", "minLength": 1}
_VERSION = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@route(blueprint, "GET", "/openapi.json", READ)
def openapi() -> Response:
    return jsonify(document(current_app))


@route(blueprint, "GET", "/docs", READ)
def docs() -> str:
    described = document(current_app)
    return render_template("docs.html", document=described, schemas=described["components"]["schemas"])


def document(app: Flask) -> Mapping[str, Any]:
    """The OpenAPI document of the routes that have a summary. Built once."""
    built: Mapping[str, Any] | None = app.extensions.get("openapi")
    if built is None:
        built = app.extensions["openapi"] = _document({name: each for name, each in routes_of(app).items() if each.summary})
    return built


def _document(routes: Mapping[str, Route]) -> Mapping[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for endpoint, declared in routes.items():
        path = _PARAMETER.sub(r"{\2}", declared.rule)
        paths.setdefault(path, {})[declared.method.lower()] = _operation(endpoint, declared)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Quotable",
            "version": installed_version(),
            "description": "Ask documents a question and get the exact words that answer it. All offsets are Unicode code points.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Created by `qa key create`."}},
        },
    }


def _operation(endpoint: str, declared: Route) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint,
        "summary": declared.summary,
        "tags": [declared.tag],
        "parameters": [*_path_parameters(declared), *_query_parameters(declared)],
        "responses": _responses(declared),
    }
    if declared.request:
        models = [_reference(model) for model in declared.request]
        content: dict[str, Any] = {"application/json": {"schema": {"anyOf": models} if len(models) > 1 else models[0]}}
        if declared.upload:
            content["multipart/form-data"] = {"schema": _UPLOAD}
        described["requestBody"] = {"required": True, "content": content}
    if declared.role is not None:
        described["security"] = [{"key": []}, {}]  # callers on the same machine need no key
        described["description"] = f"Needs the role {declared.role.word}."
    return described


def _path_parameters(declared: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _VERSION if name == "version" else _NAME}
        for _, name in _PARAMETER.findall(declared.rule)
    ]


def _query_parameters(declared: Route) -> list[dict[str, Any]]:
    if declared.query is None:
        return []
    schema = declared.query.model_json_schema(ref_template=REFERENCE)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field in a query string, which cannot contain null."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    return {name: value for name, value in field.items() if name not in ("anyOf", "default")} | kinds[0] if kinds else field


def _responses(declared: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": declared.summary}
    if declared.status != NO_CONTENT:
        schema = _reference(declared.response) if declared.response else {"type": "string"}
        success["content"] = {declared.media_type: {"schema": schema}}
    if declared.streams:
        success["content"]["text/event-stream"] = {"schema": {}}  # OpenAPI 3.1 cannot describe events
    if declared.links:
        success["links"] = {name: {"operationId": name, "parameters": dict(given)} for name, given in declared.links.items()}
    statuses = {*ALWAYS, *declared.errors, *((404,) if _PARAMETER.search(declared.rule) else ())}
    statuses |= {*(WITH_FIELDS if declared.request or declared.query else ()), *(WITH_BODY if declared.request else ())}
    error = _error(declared)
    kind = "application/problem+json" if error is ProblemAnswer else "application/json"
    content = {kind: {"schema": _reference(error)}}
    errors = {str(status): {"description": REASONS[status], "content": content} for status in sorted(statuses)}
    return {str(declared.status): success} | errors


def _error(declared: Route) -> type:
    return OpenAIErrorAnswer if declared.rule.startswith(OPENAI_ROUTES) else ProblemAnswer


def _reference(model: type) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _schemas(routes: Mapping[str, Route]) -> dict[str, Any]:
    """JSON schemas of all requests, responses and errors. A response has no fields but the declared ones."""
    models = {model for each in routes.values() for model in (*each.request, each.response, _error(each)) if model}
    fields: dict[str, Any] = {model.__name__: (model, ...) for model in models}
    schema = create_model("Models", __config__=ConfigDict(extra="forbid"), **fields).model_json_schema(ref_template=REFERENCE)
    found: dict[str, Any] = schema["$defs"]
    return found
