"""Errors as `application/problem+json` (RFC 9457), in one place, for every route."""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from corpus.types import QuotableError
from index.types import StorageFull
from qa import observation

log = logging.getLogger(__name__)


class Problem(Exception):
    """A request that is refused. `errors` names fields: `[{"field", "message"}]`."""

    def __init__(
        self, status: int, detail: str, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


# Routes that are OpenAI's, whose clients read errors in its shape.
# Those that are not served here are among them: their clients should read why.
OPENAI_ROUTES = (
    "/v1/chat/", "/v1/models", "/v1/vector_stores", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/files",
)  # fmt: skip
_OPENAI_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


# The folders of a file's path; not those of an address.
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^/\s]+/)+")


def problem_body(status: int, detail: str, request_id: str | None, errors: list[dict[str, str]] | None = None) -> str:
    """`request_id`: by which the server's log tells of it."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if request_id:
        body["request_id"] = request_id
    if errors is not None:
        body["errors"] = errors
    return json.dumps(body)


def problem_response(status: int, detail: str, errors: list[dict[str, str]] | None = None, headers: Any = None) -> Response:
    """The answer to a request that is refused, in the shape that its route's clients read."""
    if request.path.startswith(OPENAI_ROUTES):
        # What is wrong with a request is 400 there.
        return Response(
            json.dumps(openai_error(status, detail, errors)),
            400 if status == 422 else status,
            headers,
            mimetype="application/json",
        )
    seen = observation.current()
    body = problem_body(status, detail, seen.request_id if seen else None, errors)
    return Response(body, status, headers, mimetype="application/problem+json")


def words_for_callers(error: QuotableError) -> str:
    """Files by their names: where they are is the operator's business, and in the log."""
    return _FOLDERS.sub("", str(error))


def openai_error(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """OpenAI's error object; its `param` is the first field that cannot be used."""
    told = "; ".join(f"{error['field']} {error['message']}" for error in errors or ())
    return {
        "error": {
            "message": told or detail,
            "type": "server_error" if status >= 500 else "invalid_request_error",
            "param": errors[0]["field"] if errors else None,
            "code": _OPENAI_CODES.get(status),
        }
    }


def _detail(error: HTTPException) -> str:
    if isinstance(error, RequestEntityTooLarge) and request.max_content_length is not None:
        return f"The body is too large: at most {request.max_content_length:,} bytes are taken here"
    return error.description or ""


def install(app: Flask) -> None:
    """Give every error of the application this shape; what nobody foresaw is logged whole and told as nothing but a 500."""

    @app.errorhandler(Problem)
    def _refused(problem: Problem) -> Response:
        return problem_response(problem.status, problem.detail, problem.errors, problem.headers)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        headers = [(name, value) for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")]
        return problem_response(error.code or 500, _detail(error), headers=headers)

    @app.errorhandler(QuotableError)
    def _failed(error: QuotableError) -> Response:
        log.error("%s", error)
        return problem_response(507 if isinstance(error, StorageFull) else 503, words_for_callers(error))

    @app.errorhandler(Exception)
    def _unforeseen(error: Exception) -> Response:
        log.exception("unforeseen error", exc_info=error)
        return problem_response(500, "Something went wrong here; the server's log has the details")
