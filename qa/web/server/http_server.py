"""uvicorn as configured here: its own signals, deadlines for the shutdown, and as many connections as files may be open."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from qa.web.server.accepting import Acceptor, Shares
from qa.web.server.connection import Connection
from qa.web.server.edge import Edge

# Most open connections; each slow client holds one.
MAX_CONNECTIONS = 10_000
# File descriptors for everything else than connections.
OTHER_FILES = 200
# Keep-alive between two requests.
IDLE_SECONDS = 60
# For running requests to end, and for slow clients to read their responses.
DRAIN_SECONDS = 10
MAX_HEAD_BYTES = 262_144
PUBLISH_SECONDS = 5
# Connections that the kernel keeps until a process accepts them.
BACKLOG = 2_048


class HttpServer(uvicorn.Server):
    """Stopped by the first signal once the requests that it has received are answered, and by the second at once."""

    def __init__(self, edge: Edge, publish: Callable[[], None], shares: Shares) -> None:
        """`publish`: called every few seconds. `shares`: of the connections among the processes."""

        async def notify() -> None:
            publish()

        super().__init__(
            uvicorn.Config(
                edge,
                interface="asgi3",
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                callback_notify=notify,
                timeout_notify=PUBLISH_SECONDS,
            )
        )
        self._shares = shares
        self._acceptors: list[Acceptor] = []
        self._runs = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        self._runs = True
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's own accepts whatever connection it can get, and on an idle machine one process then gets them all."""
        await super().startup([])
        most = allow_connections()
        for listening in sockets or []:
            listening.listen(BACKLOG)
            self._acceptors.append(Acceptor(listening, self._connection, self._count, most, self._shares))
            self._acceptors[-1].start()

    async def on_tick(self, counter: int) -> bool:
        self._shares.set(self._count())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for acceptor in self._acceptors:
            acceptor.stop()
        await super().shutdown(sockets)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, {})

    def _count(self) -> int:
        return len(self.server_state.connections)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again after the shutdown."""
        yield

    @contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Also before the server runs: a signal then raises SystemExit."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self._runs:
            raise SystemExit
        self.force_exit = self.should_exit
        self.should_exit = True


def allow_connections() -> int:
    """Raise the process's limit on file descriptors for the connections. Returns how many connections it then has room for."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    wanted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return max(wanted - OTHER_FILES, 1)
