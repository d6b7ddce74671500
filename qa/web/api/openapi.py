"""`/openapi.json`: the interface for programs, made from the models that validate requests. `/docs`: the same for people, offline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from flask import Blueprint, Flask, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from qa.web.access.rules import RULES
from qa.web.api.operations import OPERATIONS, Operation
from qa.web.schemas.answers import ProblemAnswer

blueprint = Blueprint("openapi", __name__)

OPENAPI_VERSION = "3.1.0"
REFERENCE = "#/components/schemas/{model}"
# What the gate, the limits and the opening of the documents may answer on every route.
ALWAYS = (400, 401, 403, 421, 429, 503)
NO_CONTENT = 204
WITH_FIELDS = (422,)
WITH_BODY = (413, 415)
REASONS = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "The key's role does not reach, or another site's page asks",
    404: "There is none",
    413: "The body is too large",
    415: "The body is of another content type",
    421: "The service is not called by this name",
    422: "A field cannot be used",
    429: "Too many requests in the last minute",
    503: "Not ready, or too much to do; try again later",
    507: "The disk is full",
}
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@blueprint.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    return jsonify(document(current_app))


@blueprint.get("/docs")
def docs() -> ResponseReturnValue:
    described = document(current_app)
    return render_template("docs.html", document=described, schemas=described["components"]["schemas"])


def document(app: Flask) -> Mapping[str, Any]:
    """The OpenAPI document of the application's routes that have a line among the operations."""
    made: Mapping[str, Any] | None = app.extensions.get("openapi")
    if made is None:
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint in OPERATIONS]
        made = app.extensions["openapi"] = _document(sorted(rules, key=lambda rule: list(OPERATIONS).index(rule.endpoint)))
    return made


def _document(rules: Sequence[Rule]) -> Mapping[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for rule in rules:
        path = _PARAMETER.sub(r"{\2}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            paths.setdefault(path, {})[method.lower()] = _operation(rule, OPERATIONS[rule.endpoint])
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Quotable",
            "version": version("quotable"),
            "description": "Ask documents a question and get the exact words that answer it. All offsets are Unicode code points.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Made by `qa key create`."}},
        },
    }


def _operation(rule: Rule, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint,
        "summary": operation.summary,
        "tags": list(operation.tags),
        "parameters": [*_path_parameters(rule), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if operation.takes:
        taken = [_reference(model) for model in (operation.takes, *operation.or_takes)]
        content: dict[str, Any] = {"application/json": {"schema": {"anyOf": taken} if operation.or_takes else taken[0]}}
        if operation.upload:
            content["multipart/form-data"] = {"schema": _UPLOAD}
        described["requestBody"] = {"required": True, "content": content}
    role = RULES.get(rule.endpoint)
    if role is not None:
        described["security"] = [{"key": []}, {}]  # on this machine none is needed
        described["description"] = f"Needs the role {role.word}."
    return described


_UPLOAD = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}, "id": {"type": "string"}},
}


def _path_parameters(rule: Rule) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for _, name in _PARAMETER.findall(rule.rule)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=REFERENCE)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A field as a query string can hold it: there is no null in one."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    return {name: value for name, value in field.items() if name not in ("anyOf", "default")} | kinds[0] if kinds else field


def _responses(operation: Operation) -> dict[str, Any]:
    content = {"schema": _reference(operation.answer) if operation.answer else {"type": "string"}}
    done: dict[str, Any] = {"description": operation.summary}
    if operation.status != NO_CONTENT:
        done["content"] = {operation.media_type: content}
    if operation.links:
        done["links"] = {name: {"operationId": name, "parameters": dict(given)} for name, given in operation.links.items()}
    found = {str(operation.status): done}
    refusals = {*ALWAYS, *operation.refusals}
    refusals |= {*(WITH_FIELDS if operation.takes or operation.query else ()), *(WITH_BODY if operation.takes else ())}
    if operation.streams:
        done["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    kind = "application/problem+json" if operation.error is ProblemAnswer else "application/json"
    problem = {kind: {"schema": _reference(operation.error)}}
    return found | {str(status): {"description": REASONS[status], "content": problem} for status in sorted(refusals)}


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _schemas() -> dict[str, Any]:
    asked = {model for operation in OPERATIONS.values() for model in (operation.takes, *operation.or_takes) if model}
    answered = {operation.answer for operation in OPERATIONS.values() if operation.answer}
    answered |= {operation.error for operation in OPERATIONS.values()}
    models = [*((model, "validation") for model in asked), *((model, "validation") for model in answered)]
    _, schemas = models_json_schema(sorted(models, key=lambda pair: pair[0].__name__), ref_template=REFERENCE)  # type: ignore[arg-type]
    found: dict[str, Any] = schemas["$defs"]
    return found
