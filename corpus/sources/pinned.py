"""One HTTP request to IP addresses that were checked: the only importer of httpcore2."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import httpcore2

from corpus.sources.addresses import Address

# Gives the seconds that are left; raises TimeoutError where there are none.
Left = Callable[[], float]


@contextmanager
def get(
    address: Address, machines: Sequence[str], left: Left, connect_seconds: float, tls: ssl.SSLContext | None
) -> Iterator[httpcore2.Response]:
    """The response, its body still to be read. Raises TimeoutError, and OSError for what goes wrong on the way, until it is left."""
    origin = httpcore2.Origin(address.scheme.encode(), address.host.encode(), address.port)
    url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=address.target.encode())
    authority = str(Address(address.scheme, address.host, address.port, "")).partition("://")[2]
    headers = [("Host", authority), ("User-Agent", "quotable"), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]
    sockets = _Pinned(machines, left, connect_seconds)
    try:
        with (
            closing(
                httpcore2.HTTPConnection(origin, tls or httpcore2.default_ssl_context(), network_backend=sockets)
            ) as connection,
            connection.stream("GET", url, headers=headers) as response,
        ):
            yield response
    except httpcore2.TimeoutException as error:
        raise TimeoutError from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise OSError(str(error) or type(error).__name__) from error


class _Pinned(httpcore2.NetworkBackend):
    """Connects to the IP addresses that it was given, whatever host is asked for, and to nothing else."""

    def __init__(self, machines: Sequence[str], left: Left, connect_seconds: float) -> None:
        self._machines, self._left, self._connect_seconds = machines, left, connect_seconds
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> httpcore2.NetworkStream:  # type: ignore[override]
        failure: Exception | None = None
        for machine in self._machines:
            try:
                seconds = min(self._left(), self._connect_seconds)
                return _Timed(self._sockets.connect_tcp(machine, port, seconds), self._left)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("it has no address")


class _Timed(httpcore2.NetworkStream):
    """A stream that ends at a deadline, however often something comes."""

    def __init__(self, stream: httpcore2.NetworkStream, left: Left) -> None:
        self._stream, self._left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
