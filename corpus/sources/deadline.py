"""Time limits of one exchange, and name resolution within them."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from math import inf

# Host and port -> IP addresses. May raise OSError or UnicodeError.
Resolve = Callable[[str, int], Sequence[str]]


class IdleTimeout(TimeoutError):
    """No progress for `idle_seconds`, although the total limit is not reached."""


class Deadline:
    """A limit in seconds on the whole exchange, and one on the time without progress. Counts from its creation."""

    def __init__(self, seconds: float, idle_seconds: float = inf) -> None:
        self._end = time.monotonic() + seconds
        self._idle_seconds = idle_seconds
        self.restart_idle()

    def restart_idle(self) -> None:
        """Record progress: the idle limit counts from now."""
        self._idle_end = time.monotonic() + self._idle_seconds

    def left(self) -> float:
        """The seconds until the earlier limit. Raises the `timeout` error when there are none."""
        seconds = min(self._end, self._idle_end) - time.monotonic()
        if seconds <= 0:
            raise self.timeout()
        return seconds

    def timeout(self) -> TimeoutError:
        """The error of the limit that comes first: IdleTimeout or TimeoutError."""
        return IdleTimeout() if self._idle_end < self._end else TimeoutError()


def system_resolve(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def resolve_host(host: str, port: int, deadline: Deadline, resolve: Resolve = system_resolve) -> Sequence[str]:
    """The host's IP addresses. Raises OSError if it cannot be resolved, TimeoutError at the deadline.

    The system's resolver takes no timeout: it runs in a thread, which is abandoned at the deadline.
    """
    result: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

    def run() -> None:
        try:
            result.put(resolve(host, port))
        except OSError as error:
            result.put(error)
        except UnicodeError as error:
            result.put(OSError(str(error)))

    threading.Thread(target=run, name="resolve", daemon=True).start()
    try:
        found = result.get(timeout=deadline.left())
    except queue.Empty:
        raise deadline.timeout() from None
    if isinstance(found, OSError):
        raise found
    return found
