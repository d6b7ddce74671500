"""Open-loop HTTP client: sends requests on a schedule, whether or not earlier ones were answered. One thread, many connections."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TIMEOUT = 10.0  # seconds


@dataclass(slots=True)
class Asked:
    """One request: when it was due (seconds of the monotonic clock), seconds from then to its answer, and its status.

    `status` is 0 after a timeout, -1 for a failed connection.
    """

    due: float
    took: float = TIMEOUT
    status: int = 0


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    asked: Asked | None = None
    received: bytearray = field(default_factory=bytearray)


class OpenLoop:
    """Sends requests when they are due, each on a free or a new connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._poll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._free: deque[_Connection] = deque()

    def run(self, requests: Iterator[tuple[float, bytes]]) -> Sequence[Asked]:
        """Send `requests`, pairs of due time (monotonic seconds) and bytes, in order; return when all have ended."""
        ended: list[Asked] = []
        next_ = next(requests, None)
        while next_ is not None or any(connection.asked for connection in self._connections.values()):
            now = time.monotonic()
            while next_ is not None and next_[0] <= now:
                self._send(Asked(next_[0]), next_[1], ended)
                next_ = next(requests, None)
            wait = min(max(next_[0] - now, 0), 0.05) if next_ else 0.05
            for descriptor, _ in self._poll.poll(wait):
                self._read(self._connections[descriptor], ended)
            if next_ is None:
                self._give_up(ended)
        return ended

    def close(self) -> None:
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._poll.close()

    def _send(self, asked: Asked, request: bytes, ended: list[Asked]) -> None:
        try:
            connection = self._free.popleft() if self._free else self._connect()
            connection.asked = asked
            connection.socket.send(request)
        except OSError:
            asked.status, asked.took = -1, time.monotonic() - asked.due
            ended.append(asked)

    def _connect(self) -> _Connection:
        connection = _Connection(socket.create_connection(self._address, timeout=TIMEOUT))
        connection.socket.setblocking(False)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection.socket.fileno()] = connection
        self._poll.register(connection.socket, select.EPOLLIN)
        return connection

    def _read(self, connection: _Connection, ended: list[Asked]) -> None:
        try:
            data = connection.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        connection.received += data
        asked = connection.asked
        whole = _whole(connection.received)
        if asked and (whole or not data):
            asked.took = time.monotonic() - asked.due
            asked.status = int(connection.received[9:12]) if whole else -1
            ended.append(asked)
            connection.asked = None
        if not data or (whole and b"\r\nConnection: close\r\n" in connection.received[:2_000]):
            self._drop(connection)
        elif whole:
            connection.received.clear()
            self._free.append(connection)

    def _drop(self, connection: _Connection) -> None:
        if self._connections.pop(connection.socket.fileno(), None):
            self._poll.unregister(connection.socket)
            connection.socket.close()
        if connection in self._free:
            self._free.remove(connection)

    def _give_up(self, ended: list[Asked]) -> None:
        now = time.monotonic()
        for connection in list(self._connections.values()):
            if connection.asked and now - connection.asked.due > TIMEOUT:
                ended.append(connection.asked)
                self._drop(connection)


def _whole(received: bytearray) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    at = head.lower().find(b"content-length:")
    return at >= 0 and len(body) >= int(head[at + 15 :].split(b"\r\n", 1)[0])


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
