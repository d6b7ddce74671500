"""WSGI middleware that gives each request an id and reports it to the observers (metrics, log, traces) when its answer is complete."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from flask import Flask, Response, g, request

from qa.observation import Observation, new_request_id
from qa.observation import begin as begin_observation
from qa.observation import current as current_observation
from qa.observation import end as end_observation

REQUEST_ID = "X-Request-Id"
# Ids that callers may send: hexadecimal digits, hyphens, dots, base 64.
WELL_FORMED = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}")
# WSGI environment variable of the server: the seconds that the request waited in the queue.
WAITED = "quotable.waited"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})

Observer = Callable[[Observation], None]


class ObservedApplication:
    """A WSGI application that reports its requests to `observers`."""

    def __init__(self, app: Callable[..., Iterable[bytes]], observers: Sequence[Observer]) -> None:
        self._app = app
        self._observers = observers

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        observation = start_observation(
            environ["REQUEST_METHOD"],
            environ.get("HTTP_X_REQUEST_ID"),
            environ.get("HTTP_TRACEPARENT"),
            environ.get(WAITED, 0.0),
        )

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            observation.status = int(status[:3])
            headers.append((REQUEST_ID, observation.request_id))
            return start_response(status, headers, exc_info)

        try:
            return _Body(self._app(environ, start), lambda: self.finish(observation))
        except BaseException:
            self.finish(observation)
            raise

    def finish(self, observation: Observation) -> None:
        """The answer is complete, or the client is gone."""
        end_observation(observation)
        for observe in self._observers:
            observe(observation)


class _Body:
    """The parts of an answer; calls `on_close` after closing them."""

    def __init__(self, parts: Iterable[bytes], on_close: Callable[[], None]) -> None:
        self._parts, self._on_close = parts, on_close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        try:
            close = getattr(self._parts, "close", None)
            if close:
                close()
        finally:
            self._on_close()


def start_observation(method: str, request_id: str | None, traceparent: str | None = None, waited: float = 0.0) -> Observation:
    """Observe the request that this thread starts to handle. A well-formed request id of the caller is kept."""
    observation = Observation(request_id_or_new(request_id), method if method in METHODS else "other", waited, traceparent)
    begin_observation(observation)
    return observation


def request_id_or_new(request_id: str | None) -> str:
    return request_id if request_id and WELL_FORMED.fullmatch(request_id) else new_request_id()


@cache
def _openapi_path(rule: str) -> str:
    """The rule in OpenAPI's notation: `/d/{document_id}`."""
    return _PARAMETER.sub(r"{\1}", rule)


def install(app: Flask, observers: Sequence[Observer]) -> None:
    @app.after_request
    def _record_route(response: Response) -> Response:
        observation = current_observation()
        if observation:
            observation.route = _openapi_path(request.url_rule.rule) if request.url_rule else None
            caller = g.get("caller")
            observation.caller = caller.name if caller else None
        return response

    observed = ObservedApplication(app.wsgi_app, observers)
    app.wsgi_app = observed  # type: ignore[method-assign]
    app.extensions["quotable-observed"] = observed


def observed_application(app: Flask) -> ObservedApplication:
    """The middleware of the application, for requests that the server refuses before they reach it."""
    found: ObservedApplication = app.extensions["quotable-observed"]
    return found
