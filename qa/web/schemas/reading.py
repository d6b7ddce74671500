"""Parse a request into its model. Errors name the field and the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from pydantic import BaseModel, ValidationError

from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.web.schemas.problems import Problem, ProblemField
from qa.web.schemas.requests import FeedbackRequest

MAX_QUERY_FIELDS = 50
MAX_QUESTIONS_IN_ADDRESS = 20
MAX_SHOWN_VALUE = 100  # characters
MAX_FIELD_NAME = 200  # characters of a field name in an error
UNKNOWN = "is unknown"

Model = TypeVar("Model", bound=BaseModel)


def from_body(request: Request, model: type[Model]) -> Model:
    """The JSON body as `model`. Raises Problem as `json_body` and `validated` do."""
    return validated(model, json_body(request))


def json_body(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises Problem: 415 for another content type, 400 for malformed JSON, 422 if it is not an object."""
    if request.mimetype != "application/json":
        raise Problem(415, "Send JSON with the header Content-Type: application/json.")
    try:
        body = json.loads(request.get_data(cache=False), parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not valid JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Problem.of_field("body", "must be a JSON object")
    return body


def from_query_string(request: Request, model: type[Model], fixed: Mapping[str, str] = MappingProxyType({})) -> Model:
    """The query string as `model`, with fields that the path names. Raises Problem: 400 if it is malformed, 422 for an invalid field."""
    pairs = _pairs(request)
    try:
        parameters = _refuse_repeats([*pairs, *fixed.items()])
    except ValueError as error:
        raise Problem(400, "The query string names a field twice.") from error
    return validated(model, parameters)


def _pairs(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            request.query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError as error:
        message = f"The query string is not percent-encoded UTF-8, or has more than {MAX_QUERY_FIELDS} fields."
        raise Problem(400, message) from error


def questions_from_address(request: Request) -> list[str]:
    """The questions of a conversation, oldest first: each `q` of the query string. Raises Problem as `from_query_string` does."""
    pairs = _pairs(request)
    unknown: list[ProblemField] = [{"field": name[:MAX_FIELD_NAME], "message": UNKNOWN} for name, _ in pairs if name != "q"]
    if unknown:
        raise Problem.of_fields(unknown)
    try:
        questions = [clean_question(value) for _, value in pairs]
    except InvalidQuestion as error:
        raise Problem.of_field("q", str(error)) from error
    if len(questions) > MAX_QUESTIONS_IN_ADDRESS:
        raise Problem(422, f"An address can contain at most {MAX_QUESTIONS_IN_ADDRESS} questions. Start a new chat.")
    return questions


def in_words(problem: Problem) -> str:
    """The errors in a page's address as sentences."""
    if not problem.errors:
        return problem.detail
    return " ".join(
        f"Your question {error['message']}."
        if error["field"] == "q"
        else f"In this address, {error['field']} {error['message']}."
        for error in problem.errors
    )


def feedback_from_form(request: Request) -> FeedbackRequest:
    """Feedback sent as a form: `helped` is yes or no, `results` are separated by spaces. Raises Problem 422 for an invalid field."""
    form = request.form.to_dict()
    values: dict[str, Any] = dict(form)
    if "helped" in form:
        values["helped"] = {"yes": True, "no": False}.get(form["helped"], form["helped"])
    if form.get("generation", "").isdecimal():
        values["generation"] = int(form["generation"][:18])
    values["results"] = form.get("results", "").split()
    return validated(FeedbackRequest, values)


def validated(model: type[Model], values: dict[str, Any]) -> Model:
    """Raises Problem 422 with every invalid field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Problem.of_fields(
            [{"field": _field(found["loc"]), "message": _message(found)} for found in error.errors(include_url=False)]
        ) from error


def _field(location: tuple[int | str, ...]) -> str:
    # In a union, pydantic also names the alternative, such as "list[TextPart]".
    name = ".".join(str(part) for part in location if not {"[", "("} & set(str(part))) or "body"
    return name.encode(errors="replace").decode()[:MAX_FIELD_NAME]


def _message(found: Any) -> str:
    if found["type"] == "extra_forbidden":
        return UNKNOWN
    if found["type"] == "missing":
        return "is required"
    if found["type"] == "literal_error":
        return f"must be {found['ctx']['expected']}, not {str(found['input'])[:MAX_SHOWN_VALUE]!r}"
    return str(found["msg"]).removeprefix("Value error, ")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("an object names a field twice")
    return values
