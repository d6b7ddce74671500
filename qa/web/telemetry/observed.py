"""Every request observed from its head to the end of its answer: an id for it, and a word to whoever keeps figures, logs or traces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from flask import Flask, Response, g, request

from qa import observation
from qa.observation import Observation, new_request_id

REQUEST_ID = "X-Request-Id"
# What the id of another's making may be: the usual kinds have hexadecimal digits, hyphens, dots, or base 64.
WELL_FORMED = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}")
# Set in the WSGI environment by the server: the seconds that a request waited for its turn.
WAITED = "quotable.waited"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})

Observer = Callable[[Observation], None]


class Observed:
    """A WSGI application whose requests are observed."""

    def __init__(self, app: Callable[..., Iterable[bytes]], observers: Sequence[Observer]) -> None:
        self._app = app
        self._observers = observers

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen = begun(
            environ["REQUEST_METHOD"],
            environ.get("HTTP_X_REQUEST_ID"),
            environ.get("HTTP_TRACEPARENT"),
            environ.get(WAITED, 0.0),
        )

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.status = int(status[:3])
            headers.append((REQUEST_ID, seen.request_id))
            return start_response(status, headers, exc_info)

        try:
            return _Body(self._app(environ, start), lambda: self.ended(seen))
        except BaseException:
            self.ended(seen)
            raise

    def ended(self, seen: Observation) -> None:
        """The answer is complete, or its reader gone."""
        observation.end(seen)
        for observe in self._observers:
            observe(seen)


class _Body:
    """An answer's parts, and what is to be done when no more of it is wanted."""

    def __init__(self, parts: Iterable[bytes], closed: Callable[[], None]) -> None:
        self._parts, self._closed = parts, closed

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        try:
            close = getattr(self._parts, "close", None)
            if close:
                close()
        finally:
            self._closed()


def begun(method: str, request_id: str | None, traceparent: str | None = None, waited: float = 0.0) -> Observation:
    """A request that this thread handles from now on; an id that it brought is kept where it is one."""
    seen = Observation(kept_or_new(request_id), method if method in METHODS else "other", waited, traceparent)
    observation.begin(seen)
    return seen


def kept_or_new(request_id: str | None) -> str:
    return request_id if request_id and WELL_FORMED.fullmatch(request_id) else new_request_id()


@cache
def _path(rule: str) -> str:
    """A rule as the OpenAPI document writes it."""
    return _PARAMETER.sub(r"{\1}", rule)


def install(app: Flask, observers: Sequence[Observer]) -> None:
    @app.after_request
    def _note(response: Response) -> Response:
        seen = observation.current()
        if seen:
            seen.route = _path(request.url_rule.rule) if request.url_rule else None
            caller = g.get("caller")
            seen.caller = caller.name if caller else None
        return response

    observed = Observed(app.wsgi_app, observers)
    app.wsgi_app = observed  # type: ignore[method-assign]
    app.extensions["quotable-observed"] = observed


def observed_of(app: Flask) -> Observed:
    """What observes this application, for requests that end before they reach it."""
    found: Observed = app.extensions["quotable-observed"]
    return found
