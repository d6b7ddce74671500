"""A server that is told to stop takes no more connections, answers what it was asked, and then ends."""

from __future__ import annotations

from threading import Event
from time import monotonic
from typing import Any

from qa.web.server.event_loop import EventLoop

# How long requests that run may take to end, and slow readers to take their answers.
DRAIN_SECONDS = 10.0
POLL_SECONDS = 1.0


class StopSignal:
    """What a signal's handler calls. The first asks for a stop in order, as soon as the server runs; any other ends it at once."""

    def __init__(self) -> None:
        self._server: Any = None
        self._stopping = Event()

    def __call__(self, *_: object) -> None:
        """Raises SystemExit where there is nothing to wait for."""
        if self._server is None or self._stopping.is_set():
            raise SystemExit
        self._stopping.set()
        self._server.pull_trigger()  # else it would wait for something to read

    def run(self, server: Any, loop: EventLoop) -> None:
        """Serve until the signal, and until what was asked by then is answered. `server` is waitress's, of one socket."""
        self._server = server
        while not self._stopping.is_set():
            loop.turn(POLL_SECONDS)
        loop.closes(server._fileno)
        server.del_channel()
        server.socket.close()
        end = monotonic() + DRAIN_SECONDS
        while monotonic() < end and any(_is_busy(channel) for channel in list(server.active_channels.values())):
            loop.turn(0.05)
        server.task_dispatcher.shutdown(timeout=1)


def _is_busy(channel: Any) -> bool:
    """Whether a request of it is being read or answered, or its answer sent."""
    return bool(channel.request is not None or channel.requests or channel.total_outbufs_len)
