"""Accepts connections, and leaves them to another process of the server while that one has fewer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, MutableSequence

# How long a connection is left to a process with fewer. One that is too busy to take it in time does not get it.
LEAVE_SECONDS = 0.01
# After an error such as too many open files.
RETRY_SECONDS = 1.0
NOT_OPEN = -1  # in place of a number of connections: the process accepts none


class Shares:
    """How many connections each process holds, in memory that all share."""

    def __init__(self, counts: MutableSequence[int], own: int) -> None:
        """`own`: the place of this process in `counts`."""
        self._counts, self._own = counts, own

    def set(self, connections: int) -> None:
        self._counts[self._own] = connections

    def is_ahead(self) -> bool:
        """Whether another process that accepts connections has fewer."""
        return any(NOT_OPEN < count < self._counts[self._own] for count in self._counts)


class Acceptor:
    """Accepts the connections of one listening socket in the running event loop."""

    def __init__(
        self,
        listening: socket.socket,
        connection: Callable[[], asyncio.Protocol],
        count: Callable[[], int],
        most: int,
        shares: Shares,
    ) -> None:
        """`connection`: makes the protocol of a new one. `count`: how many are open. `most`: how many may be; others are closed."""
        self._listening, self._connection, self._count, self._most, self._shares = listening, connection, count, most, shares
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._pausing: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._listening.setblocking(False)
        self._watch()

    def stop(self) -> None:
        if self._pausing:
            self._pausing.cancel()
        self._loop.remove_reader(self._listening)
        self._shares.set(NOT_OPEN)

    def _watch(self) -> None:
        self._pausing = None
        self._loop.add_reader(self._listening, self._accept_or_leave)

    def _accept_or_leave(self) -> None:
        self._shares.set(self._count())
        if self._shares.is_ahead():
            self._pause(LEAVE_SECONDS)
        else:
            self._accept()

    def _pause(self, seconds: float) -> None:
        """Accept nothing for some seconds, and then the first connection that no other process has taken."""
        self._loop.remove_reader(self._listening)
        self._pausing = self._loop.call_later(seconds, self._accept)

    def _accept(self) -> None:
        self._watch()
        try:
            accepted, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process was first, or the client has left
            return
        except OSError:  # too many open files, for example
            self._pause(RETRY_SECONDS)
            return
        held = self._count() + len(self._opening)
        if held >= self._most:
            accepted.close()
            return
        accepted.setblocking(False)
        opening = self._loop.create_task(self._loop.connect_accepted_socket(self._connection, accepted))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        self._shares.set(held + 1)
