"""A request -> the model of what it asks; one that asks something else is refused: by name of the field, and why."""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from pydantic import BaseModel, ValidationError

from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.web.schemas.problems import Problem
from qa.web.schemas.requests import FeedbackRequest

MAX_QUESTIONS_IN_ADDRESS = 20

Model = TypeVar("Model", bound=BaseModel)


def from_body(request: Request, model: type[Model]) -> Model:
    """The JSON body as `model`. Raises Problem: 415 for another content type, 400 for broken JSON, 422 for a field."""
    return validated(model, json_body(request))


def json_body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises Problem: 415 for another content type, 400 for broken JSON, 422 for what is no object."""
    if request.mimetype != "application/json":
        raise Problem(415, "Send JSON, with the header Content-Type: application/json")
    try:
        body = json.loads(request.get_data(cache=False), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Problem(422, "The body must be a JSON object", [{"field": "body", "message": "must be a JSON object"}])
    return body


def from_query_string(request: Request, model: type[Model]) -> Model:
    """The query string as `model`. Raises Problem: 400 where it is not UTF-8, 422 for a field."""
    pairs = _pairs(request)
    try:
        parameters = _no_repeats(pairs)
    except ValueError as error:
        raise Problem(400, f"The query string names a field twice: {error}") from error
    return validated(model, parameters)


def _pairs(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise Problem(400, "The query string is not percent-encoded UTF-8, or has too many fields") from error


def questions_from_address(request: Request) -> list[str]:
    """The questions of a conversation, each as a `q` in the query string, the oldest first. Raises Problem as from_query_string does."""
    pairs = _pairs(request)
    unknown = [{"field": name[:200], "message": "is not known here"} for name, _ in pairs if name != "q"]
    if unknown:
        raise Problem(422, "Cannot use the address", unknown)
    try:
        questions = [clean_question(value) for _, value in pairs]
    except InvalidQuestion as error:
        raise Problem(422, "Cannot use: q", [{"field": "q", "message": str(error)}]) from error
    if len(questions) > MAX_QUESTIONS_IN_ADDRESS:
        raise Problem(422, f"An address may hold at most {MAX_QUESTIONS_IN_ADDRESS} questions")
    return questions


def in_words(problem: Problem) -> str:
    """What of a page's address cannot be used, as a person is told."""
    if not problem.errors:
        return problem.detail
    return " ".join(
        f"Your question {error['message']}."
        if error["field"] == "q"
        else f"In this address, {error['field']} {error['message']}."
        for error in problem.errors
    )


def feedback_from_form(request: Request) -> FeedbackRequest:
    """The same as a form sends it: `helped` is yes or no, `results` has spaces between. Raises Problem 422 for a field."""
    form = request.form.to_dict()
    values: dict[str, Any] = dict(form)
    if "helped" in form:
        values["helped"] = {"yes": True, "no": False}.get(form["helped"], form["helped"])
    if form.get("generation", "").isdecimal():
        values["generation"] = int(form["generation"][:18])
    values["results"] = form.get("results", "").split()
    return validated(FeedbackRequest, values)


def validated(model: type[Model], values: dict[str, Any]) -> Model:
    """Raises Problem 422 with every field that cannot be used."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = [{"field": _field(found["loc"]), "message": _message(found)} for found in error.errors(include_url=False)]
        names = ", ".join(dict.fromkeys(found["field"] for found in errors))
        raise Problem(422, f"Cannot use: {names}", errors) from error


def _field(location: tuple[int | str, ...]) -> str:
    # Of a union pydantic names the alternative too, by how it is checked: "list[TextPart]".
    name = ".".join(str(part) for part in location if not {"[", "("} & set(str(part))) or "body"
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
