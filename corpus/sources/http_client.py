"""HTTP client with a deadline: one HTTP/1.1 request to given IP addresses. The only module that imports httpcore2.

It follows no redirect and uses no proxy, cookie or credential of the environment. Import it where it is used: httpcore2 takes
time to import, and most processes make no request.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore2

from corpus.sources.addresses import Address
from corpus.sources.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` have lower-case names; `chunks` is the body as it arrives, still encoded as Content-Encoding says."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


@contextmanager
def send_request(
    address: Address,
    machines: Sequence[str],
    deadline: Deadline,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    connect_seconds: float = 10.0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Response]:
    """Connect to the first of `machines` (IP addresses) that accepts, send the request, and yield the response.

    TLS is verified against the address's host, by default with the system's certificate authorities. The body must be read inside
    the `with` block. The deadline bounds every read and write, so a server that sends single bytes cannot extend it.
    Raises TimeoutError (IdleTimeout for the idle limit), and OSError if the connection or the protocol fails.
    """
    origin = httpcore2.Origin(address.scheme.encode(), address.host.encode(), address.port)
    url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=address.target.encode())
    sent = {"Host": address.authority, "User-Agent": "quotable", **(headers or {})}
    if body:
        sent["Content-Length"] = str(len(body))
    backend = _FixedAddresses(machines, deadline, connect_seconds)
    try:
        with (
            closing(httpcore2.HTTPConnection(origin, tls, network_backend=backend)) as connection,
            connection.stream(method, url, headers=list(sent.items()), content=body or None) as response,
        ):
            received = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            yield Response(response.status, received, response.iter_stream())
    except httpcore2.TimeoutException as error:
        raise deadline.timeout() from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise OSError(str(error) or type(error).__name__) from error


class _FixedAddresses(httpcore2.NetworkBackend):
    """Connects to the given IP addresses only, whatever host name the request has."""

    def __init__(self, machines: Sequence[str], deadline: Deadline, connect_seconds: float) -> None:
        self._machines, self._deadline, self._connect_seconds = machines, deadline, connect_seconds
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> httpcore2.NetworkStream:  # type: ignore[override]
        failure = httpcore2.ConnectError("the host has no IP address")
        for machine in self._machines:
            seconds = min(self._deadline.left(), self._connect_seconds)
            try:
                return _DeadlineStream(self._sockets.connect_tcp(machine, port, seconds), self._deadline)
            except httpcore2.ConnectTimeout:
                failure = httpcore2.ConnectError(f"no connection within {seconds:g} seconds")
            except httpcore2.ConnectError as error:
                failure = error
        self._deadline.left()
        raise failure


class _DeadlineStream(httpcore2.NetworkStream):
    """Gives every operation the time that is left."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
