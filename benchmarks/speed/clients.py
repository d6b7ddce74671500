"""Closed-loop HTTP clients: each sends its next question after the answer to its last one, over a persistent connection.

One thread with non-blocking sockets leaves the processor to the server.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PATIENCE = 60.0  # seconds without any answer


class _Requests:
    """Requests one after the other, from the first again after the last. `sent`: how many were taken."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests, self.sent = requests, 0

    def __next__(self) -> bytes:
        self.sent += 1
        return self._requests[(self.sent - 1) % len(self._requests)]


@dataclass(slots=True)
class _Client:
    connection: socket.socket
    sent_at: float
    received: bytes = b""


def load(
    address: tuple[str, int], targets: Sequence[str], clients: int, seconds: float, warm_up: float = 1.0
) -> dict[str, Any]:
    """Answers per second, errors (including refusals) and milliseconds per answer of `clients` that ask for `seconds`.

    `warm_up`: seconds before these. `queue_ms` is clients / (answers per second), the time of an answer if only waiting took time.
    `asked_again`: the requests that repeated an earlier one, because there are only so many targets.
    """
    requests = _Requests([f"GET {target} HTTP/1.1\r\nHost: {address[0]}\r\n\r\n".encode() for target in targets])
    times: list[float] = []
    errors = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            connection = socket.create_connection(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, _sent(connection, requests))
        began = time.perf_counter() + warm_up
        while time.perf_counter() < began + seconds:
            ready = selector.select(PATIENCE)
            if not ready:
                raise SystemExit(f"no answer in {PATIENCE} s")
            for key, _ in ready:
                client: _Client = key.data
                part = client.connection.recv(1 << 16)
                client.received += part
                if part and not _whole(client.received):
                    continue
                now = time.perf_counter()
                answered = client.received.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
                if now > began and answered:
                    times.append((now - client.sent_at) * 1000)
                elif now > began:
                    errors += 1
                if not part or b"connection: close" in client.received.partition(b"\r\n\r\n")[0].lower():
                    # A server without keep-alive pays for new connections.
                    selector.unregister(client.connection)
                    client.connection.close()
                    connection = socket.create_connection(address)
                    selector.register(connection, selectors.EVENT_READ, _sent(connection, requests))
                else:
                    selector.modify(client.connection, selectors.EVENT_READ, _sent(client.connection, requests))
        for key in list(selector.get_map().values()):
            key.data.connection.close()
    if len(times) < 2:
        raise SystemExit(f"{len(times)} answers in {seconds:.0f} s, {errors} errors")
    rate = len(times) / seconds
    p99 = statistics.quantiles(times, n=100)[-1]
    return {
        "clients": clients,
        "requests_per_second": round(rate, 1),
        "errors": errors,
        "asked_again": max(requests.sent - len(targets), 0),
        "median_ms": round(statistics.median(times), 2),
        "p99_ms": round(p99, 2),
        "queue_ms": round(clients / rate * 1000, 2),
        "p99_over_queue": round(p99 / (clients / rate * 1000), 3),
    }


def _sent(connection: socket.socket, requests: _Requests) -> _Client:
    connection.sendall(next(requests))
    return _Client(connection, time.perf_counter())


def _whole(received: bytes) -> bool:
    """Whether a response with a Content-Length is complete; one without is complete when the connection ends."""
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False
