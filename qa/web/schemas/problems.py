"""Errors as `application/problem+json` (RFC 9457), or in OpenAI's format on the routes of its clients."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal, NotRequired

from flask import Flask, Response, request
from pydantic import Field
from typing_extensions import TypedDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from corpus.types import QuotableError
from index.types import EngineUnavailable, StorageFull
from qa import observation

log = logging.getLogger(__name__)


class ProblemField(TypedDict):
    field: str
    message: str


class ProblemAnswer(TypedDict):
    """RFC 9457: why a request was refused or could not be answered. `errors` names the invalid fields."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    request_id: NotRequired[Annotated[str, Field(description="Id of the request in the server's log.")]]
    errors: NotRequired[list[ProblemField]]


class OpenAIError(TypedDict):
    """`param`: the first invalid field."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str | None


class OpenAIErrorAnswer(TypedDict):
    """An error in the format of OpenAI's clients."""

    error: OpenAIError


class Problem(Exception):
    """A request that is refused.

    :param errors: the invalid fields.
    """

    def __init__(
        self, status: int, detail: str, errors: Sequence[ProblemField] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    @classmethod
    def of_fields(cls, errors: Sequence[ProblemField]) -> Problem:
        """Status 422 for invalid fields."""
        names = list(dict.fromkeys(error["field"] for error in errors))
        if len(names) > 1:
            return cls(422, f"Invalid fields: {', '.join(names)}.", errors)
        return cls(422, f"Invalid field {names[0]!r}: {errors[0]['message'].removesuffix('.')}.", errors)

    @classmethod
    def of_field(cls, field: str, message: str) -> Problem:
        """Status 422 for one invalid field. `message` completes "the field …"."""
        return cls.of_fields([{"field": field, "message": message}])


# Paths whose clients read errors in OpenAI's format, including routes of OpenAI that are not served here.
OPENAI_ROUTES = (
    "/v1/chat/", "/v1/models", "/v1/vector_stores", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/files",
)  # fmt: skip
_OPENAI_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}
UNEXPECTED = "Internal error. The server's log has the details."

# The folders of a file's path; not those of a URL.
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^/\s]+/)+")
_CLUSTERS = re.compile(r" opensearch://\S+/[a-z0-9_-]+")
UNAVAILABLE_SECONDS = 2  # a cluster has a new primary .4 to 2.2 s after a node was killed


def problem_body(status: int, detail: str, request_id: str | None, errors: Sequence[ProblemField] = ()) -> str:
    body: ProblemAnswer = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if request_id:
        body["request_id"] = request_id
    if errors:
        body["errors"] = list(errors)
    return json.dumps(body)


def problem_response(status: int, detail: str, errors: Sequence[ProblemField] = (), headers: Any = None) -> Response:
    """The error response, in the format of the route's clients."""
    if request.path.startswith(OPENAI_ROUTES):
        # OpenAI's API reports invalid fields with 400.
        body, status = json.dumps(openai_error(status, detail, errors)), 400 if status == 422 else status
        return Response(body, status, headers, mimetype="application/json")
    seen = observation.current()
    body = problem_body(status, detail, seen.request_id if seen else None, errors)
    return Response(body, status, headers, mimetype="application/problem+json")


def public_message(error: QuotableError) -> str:
    """The message without folders and hosts: callers must not learn the server's paths. The log has them."""
    return _FOLDERS.sub("", _CLUSTERS.sub("", str(error)))


def openai_error(status: int, detail: str, errors: Sequence[ProblemField] = ()) -> OpenAIErrorAnswer:
    invalid = "; ".join(f"{error['field']} {error['message']}" for error in errors)
    return {
        "error": {
            "message": invalid or detail,
            "type": "server_error" if status >= 500 else "invalid_request_error",
            "param": errors[0]["field"] if errors else None,
            "code": _OPENAI_CODES.get(status),
        }
    }


def _detail(error: HTTPException) -> str:
    if isinstance(error, RequestEntityTooLarge) and request.max_content_length is not None:
        return f"The body is too large; the limit is {request.max_content_length:,} bytes."
    return error.description or ""


def install(app: Flask) -> None:
    """Return every error of the application in this format. Unexpected exceptions are logged and reported as 500."""

    @app.errorhandler(Problem)
    def _problem(problem: Problem) -> Response:
        return problem_response(problem.status, problem.detail, problem.errors, problem.headers)

    @app.errorhandler(HTTPException)
    def _http_error(error: HTTPException) -> Response:
        headers = [(name, value) for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")]
        return problem_response(error.code or 500, _detail(error), headers=headers)

    @app.errorhandler(QuotableError)
    def _failure(error: QuotableError) -> Response:
        log.error("%s", error)
        headers = [("Retry-After", str(UNAVAILABLE_SECONDS))] if isinstance(error, EngineUnavailable) else []
        return problem_response(507 if isinstance(error, StorageFull) else 503, public_message(error), headers=headers)

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        log.exception("unexpected error", exc_info=error)
        return problem_response(500, UNEXPECTED)
