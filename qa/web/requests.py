"""What may be asked over HTTP, and how a request that is not that is refused: by name of the field, and why."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from qa.questions import clean_question
from qa.web.problems import Problem

MAX_LIMIT = 100
DEFAULT_LIMIT = 5

Model = TypeVar("Model", bound=BaseModel)


def _question(value: Any) -> Any:
    # Before pydantic's own check of the type, which cannot take in lone surrogates.
    return clean_question(value) if isinstance(value, str) else value


def _number_in_query_string(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ValueError("must be a whole number")
    return int(value)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SearchRequest(_Strict):
    """`POST /v1/search`."""

    query: Annotated[str, BeforeValidator(_question)]
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class SearchParameters(_Strict):
    """`GET /v1/search`."""

    q: Annotated[str, BeforeValidator(_question)]
    limit: Annotated[int, BeforeValidator(_number_in_query_string), Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


def from_body(request: Request, model: type[Model]) -> Model:
    """The JSON body as `model`. Raises Problem: 415 for another content type, 400 for broken JSON, 422 for a field."""
    if request.mimetype != "application/json":
        raise Problem(415, "Send JSON, with the header Content-Type: application/json")
    try:
        body = json.loads(request.get_data(cache=False), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Problem(422, "The body must be a JSON object", [{"field": "body", "message": "must be a JSON object"}])
    return _validated(model, body)


def from_query_string(request: Request, model: type[Model]) -> Model:
    """The query string as `model`. Raises Problem: 400 where it is not UTF-8, 422 for a field."""
    try:
        pairs = parse_qsl(request.query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise Problem(400, "The query string is not percent-encoded UTF-8, or has too many fields") from error
    try:
        parameters = _no_repeats(pairs)
    except ValueError as error:
        raise Problem(400, f"The query string names a field twice: {error}") from error
    return _validated(model, parameters)


def _validated(model: type[Model], values: dict[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = [{"field": _field(found["loc"]), "message": _message(found)} for found in error.errors(include_url=False)]
        names = ", ".join(dict.fromkeys(found["field"] for found in errors))
        raise Problem(422, f"Cannot use: {names}", errors) from error


def _field(location: tuple[int | str, ...]) -> str:
    name = ".".join(str(part) for part in location) or "body"
    return name.encode(errors="replace").decode()[:200]


def _message(found: Any) -> str:
    if found["type"] == "extra_forbidden":
        return "is not known here"
    if found["type"] == "missing":
        return "is required"
    return str(found["msg"]).removeprefix("Value error, ")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("an object names a field twice")
    return values
