"""waitress's channels (connections) with early refusal, deadlines for slow clients and problem documents as errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask, WSGITask

from qa.observation import end as end_observation
from qa.web.access.browser import HEADERS
from qa.web.schemas.problems import problem_body
from qa.web.server.dispatcher import ALWAYS_ADMITTED, OVERLOADED, release_slot
from qa.web.telemetry.observed import REQUEST_ID, WAITED, ObservedApplication, request_id_or_new, start_observation

# A body up to this size is read before the access check, which would cost more than the reading.
SMALL_BODY_BYTES = 65_536
# Deadline for a request's head, then the lowest rate of its body.
HEAD_SECONDS = 10.0
LEAST_BYTES_A_SECOND = 10_000
# Seconds without progress after which a client that does not read its answer is closed.
READING_SECONDS = 30.0
RETRY_AFTER = ("Retry-After", "1")

Refuses = Callable[[Mapping[str, Any]], bool]

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?:\r\n|$)", re.IGNORECASE)
_NOT_PLAIN = re.compile(rb"\r\n(?:transfer-encoding|connection|expect):", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"\r\nx-request-id:[ \t]*([!-~]+)[ \t]*(?:\r\n|$)", re.IGNORECASE)
_ALWAYS_ADMITTED = frozenset(path.encode() for path in ALWAYS_ADMITTED)


def channel_class(refuses: Refuses, observed: ObservedApplication) -> type[HTTPChannel]:
    """A channel class that checks the access to a request with a large body before it reads the body.

    `refuses` gets the WSGI environment without a body. A request that it refuses goes to the application at once, without its
    body, and closes the connection. `observed` records the requests that waitress itself refuses.
    """

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        peer = ""

        def __init__(self, adjustments: Any) -> None:
            super().__init__(adjustments)
            self.start_time = time.time()

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if _has_large_body(self) and refuses(_environ(self, self.peer)):
                self.body_rcv = None
                self.content_length = 0  # the header stays
                self.expect_continue = False
                self.headers["CONNECTION"] = "close"

        def is_late(self, now: float) -> bool:
            """Whether the request arrives too slowly."""
            return bool(now - self.start_time > HEAD_SECONDS + self.body_bytes_received / LEAST_BYTES_A_SECOND)

    class Channel(HTTPChannel):  # type: ignore[misc]
        task_class = _Task
        error_task_class = _ProblemTask

        def parser_class(self, adjustments: Any) -> Parser:
            parser = Parser(adjustments)
            parser.peer = self.addr[0]
            return parser

        def add_channel(self, map: Any = None) -> None:
            super().add_channel(map)
            self.server.event_loop.add(self)

        def del_channel(self, map: Any = None) -> None:
            if self._fileno is not None:
                self.server.event_loop.unregister(self._fileno)
            super().del_channel(map)

        def received(self, data: bytes) -> bool:
            admission = self.server.task_dispatcher.admission
            if not admission.full or self.request is not None or self.requests or not _is_plain_request(data):
                return bool(super().received(data))
            admission.count_refusal()
            refusal = _refusal(data)
            if self.send(refusal) < len(refusal):
                self.will_close = True
            return True

        def service(self) -> None:
            request, dispatcher = self.requests[0], self.server.task_dispatcher
            if request.admitted and dispatcher.is_late(request):
                request.error = OVERLOADED
                dispatcher.admission.count_refusal()
            self.server.event_loop.set_served_channel(self)
            try:
                super().service()
            finally:
                self.server.event_loop.set_served_channel(None)
                if request.admitted:
                    dispatcher.admission.release()

        def write_soon(self, data: Any) -> int:
            if self.total_outbufs_len > self.adj.outbuf_high_watermark:
                release_slot()  # the write waits for the client
            return int(super().write_soon(data))

        def is_slow(self, now: float) -> bool:
            if self.request is not None and not self.requests:
                return bool(self.request.is_late(now))
            return bool(self.total_outbufs_len and not self.requests and now - self.last_activity > READING_SECONDS)

    Channel.observed = observed
    return Channel


def close_slow_channels(server: Any, now: float) -> None:
    """waitress's own maintenance, then the deadlines of requests and answers. Runs between two polls."""
    type(server).maintenance(server, now)
    for channel in list(server.active_channels.values()):
        if channel.is_slow(now):
            channel.will_close = True


class _Task(WSGITask):  # type: ignore[misc]
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[WAITED] = time.perf_counter() - self.request.arrived
        return environ


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """An error of waitress's own, sent as a problem document."""

    def execute(self) -> None:
        error = self.request.error
        observation = start_observation(getattr(self.request, "command", ""), self.request.headers.get("X_REQUEST_ID"))
        observation.status = error.code
        body = problem_body(error.code, str(error.body), observation.request_id).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/problem+json"), (REQUEST_ID, observation.request_id), *HEADERS]
        if error is OVERLOADED:
            self.response_headers.append(RETRY_AFTER)
        else:
            self.set_close_on_finish()  # the end of a malformed request is unknown
        self.content_length = len(body)
        self.write(body)
        if error is OVERLOADED:  # counted by the admission, and too many to log one by one
            end_observation(observation)
        else:
            self.channel.observed.finish(observation)


def _refusal(head: bytes) -> bytes:
    match = _REQUEST_ID.search(head)
    request_id = request_id_or_new(match[1].decode() if match else None)
    body = problem_body(OVERLOADED.code, OVERLOADED.body, request_id).encode()
    return _REFUSAL % (len(body), request_id.encode()) + body


def _refusal_head() -> bytes:
    fields = [("Content-Type", "application/problem+json"), ("Content-Length", "%d"), (REQUEST_ID, "%s"), RETRY_AFTER, *HEADERS]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {OVERLOADED.code} {OVERLOADED.reason}\r\n{head}\r\n".encode()


_REFUSAL = _refusal_head()


def _is_plain_request(data: bytes) -> bool:
    """Whether the data is exactly one complete HTTP/1.1 request without special headers, so that it can be refused unparsed."""
    head, end, body = data.partition(b"\r\n\r\n")
    words = head[:2_000].partition(b"\r\n")[0].split(b" ")
    if not end or len(words) != 3 or words[2] != b"HTTP/1.1" or words[1] in _ALWAYS_ADMITTED or _NOT_PLAIN.search(head):
        return False
    length = _LENGTH.search(head)
    return len(body) == (int(length[1]) if length else 0)


def _has_large_body(parser: HTTPRequestParser) -> bool:
    return bool(parser.chunked or parser.content_length > SMALL_BODY_BYTES)


def _environ(parser: HTTPRequestParser, peer: str) -> Mapping[str, Any]:
    fields = {f"HTTP_{name}": value for name, value in parser.headers.items()}
    return fields | {
        "REQUEST_METHOD": parser.command.upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": parser.path,
        "QUERY_STRING": parser.query,
        "REMOTE_ADDR": peer,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{parser.version}",
        "wsgi.url_scheme": parser.url_scheme,
        "wsgi.input": BytesIO(),
    }
