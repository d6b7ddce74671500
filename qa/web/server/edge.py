"""The ASGI application that the HTTP server calls: admits requests, reads their bodies, and runs the WSGI application.

A request is refused as early as its head allows: with 503 under overload, with 413, or by the access check if its body is large.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from qa.observation import end as end_observation
from qa.web.access.browser import HEADERS
from qa.web.access.gate import Access, would_refuse
from qa.web.api.documents import MAX_UPLOAD_BYTES
from qa.web.schemas.problems import problem_body
from qa.web.server import wsgi
from qa.web.server.admission import Admission, set_release
from qa.web.telemetry.observed import REQUEST_ID, WAITED, observed_application, start_observation

# Routes of monitoring, which must be answered under overload too.
ALWAYS_ADMITTED = frozenset({"/healthz", "/readyz", "/metrics"})
MAX_BODY_BYTES = MAX_UPLOAD_BYTES + 1_000_000
# A body up to this size is read before the access check, which would cost more than the reading.
SMALL_BODY_BYTES = 65_536
# Deadline for a body: seconds, and the lowest rate.
BODY_SECONDS, LEAST_BYTES_A_SECOND = 10.0, 10_000
# Threads beyond the slots wait for a disk, a client or a language model.
THREADS = 32


class Refused(Exception):
    """The request is refused before the application runs."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Edge:
    """Runs requests in threads, `slots` of them at once; none waits longer than `wait_seconds` for a slot."""

    def __init__(
        self,
        app: Flask,
        access: Access,
        admission: Admission,
        slots: int,
        wait_seconds: float,
        trusted_proxy: str | None = None,
    ) -> None:
        """`trusted_proxy`: the address whose X-Forwarded-For and X-Forwarded-Proto are believed."""
        self._app, self._access, self._trusted_proxy = app, access, trusted_proxy
        self._behind_proxy = ProxyFix(app.wsgi_app, x_host=0)
        self._admission, self._wait_seconds = admission, wait_seconds
        self._slots = asyncio.Semaphore(slots)
        self._threads, self._monitoring = ThreadPoolExecutor(THREADS, "request"), ThreadPoolExecutor(1, "monitoring")

    async def __call__(self, scope: Mapping[str, Any], receive: wsgi.Receive, send: wsgi.Send) -> None:
        environ = wsgi.environ_of(scope)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        is_large = length > SMALL_BODY_BYTES or "HTTP_TRANSFER_ENCODING" in environ
        is_admitted = environ["PATH_INFO"] in ALWAYS_ADMITTED
        with suppress(wsgi.ClientGone):
            try:
                if self._admission.full and not is_admitted:
                    self._admission.count_refusal()
                    raise _overloaded()
                if is_large and would_refuse(self._app, self._access, environ):
                    send = _closing(send)
                else:
                    await _read_body(environ, length, receive)
                if is_admitted:
                    await wsgi.run(self._app.wsgi_app, environ, self._monitoring, receive, send, lambda: None)
                else:
                    await self._run(environ, receive, send)
            except Refused as refused:
                for message in self.problem(refused, environ):
                    await (_closing(send) if is_large else send)(message)

    async def _run(self, environ: wsgi.Environ, receive: wsgi.Receive, send: wsgi.Send) -> None:
        """Run the request as soon as a slot is free. Raises Refused if that takes too long, ClientGone."""
        arrived = time.perf_counter()
        if not self._admission.admit():
            raise _overloaded()
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            self._admission.leave_queue()
            self._admission.count_refusal()
            raise _overloaded() from None
        if await wsgi.has_left(receive):
            self._admission.leave_queue()
            self._slots.release()
            raise wsgi.ClientGone
        environ[WAITED] = time.perf_counter() - arrived
        app = self._behind_proxy if environ["REMOTE_ADDR"] == self._trusted_proxy else self._app.wsgi_app
        release = self._release_once(asyncio.get_running_loop())

        def run_in_slot(environ: wsgi.Environ, start_response: Callable[..., Any]) -> Any:
            set_release(release)
            return app(environ, start_response)

        await wsgi.run(run_in_slot, environ, self._threads, receive, send, release)

    def _release_once(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        held = [True]

        def release() -> None:
            if held:
                held.clear()
                self._admission.release()
                with suppress(RuntimeError):  # the loop is closed: the server has stopped
                    loop.call_soon_threadsafe(self._slots.release)

        return release

    def problem(self, refused: Refused, environ: wsgi.Environ) -> list[wsgi.Message]:
        """The response to a request that does not reach the application."""
        observation = start_observation(environ.get("REQUEST_METHOD", ""), environ.get("HTTP_X_REQUEST_ID"))
        observation.status = refused.status
        body = problem_body(refused.status, refused.detail, observation.request_id).encode()
        headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
        headers += [(REQUEST_ID, observation.request_id), *HEADERS]
        if refused.status == 503:  # counted by the admission, and too many to log one by one
            end_observation(observation)
            headers.append(("Retry-After", "1"))
        else:
            observed_application(self._app).finish(observation)
        return wsgi.response(refused.status, headers, body)


def _overloaded() -> Refused:
    return Refused(503, "Server overloaded; retry in 1 second")


def _closing(send: wsgi.Send) -> wsgi.Send:
    """Close the connection after the response: the rest of the body is not read."""

    async def send_and_close(message: wsgi.Message) -> None:
        message.setdefault("headers", []).append((b"connection", b"close"))
        await send(message)

    return send_and_close


async def _read_body(environ: wsgi.Environ, length: int, receive: wsgi.Receive) -> None:
    """Raises Refused if it is too large or too slow, ClientGone."""
    body, size, start = SpooledTemporaryFile(wsgi.IN_MEMORY_BYTES), 0, asyncio.get_running_loop().time()  # noqa: SIM115
    try:
        async with asyncio.timeout_at(start + BODY_SECONDS) as deadline:
            more = True
            while more:
                if max(size, length) > MAX_BODY_BYTES:
                    raise Refused(413, f"The body is too large; the limit is {MAX_UPLOAD_BYTES:,} bytes.")
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise wsgi.ClientGone
                size += body.write(message["body"])
                deadline.reschedule(start + BODY_SECONDS + size / LEAST_BYTES_A_SECOND)
                more = message["more_body"]
    except TimeoutError:
        raise Refused(408, f"The body arrived too slowly; send at least {LEAST_BYTES_A_SECOND:,} bytes a second.") from None
    body.seek(0)
    environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(size)}
    environ.pop("HTTP_TRANSFER_ENCODING", None)
