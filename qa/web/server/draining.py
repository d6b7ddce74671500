"""Graceful shutdown: close the listening socket, answer the requests that were received, then exit."""

from __future__ import annotations

from threading import Event
from time import monotonic
from typing import Any

from qa.web.server.event_loop import EventLoop

# Seconds for running requests to end and for slow clients to read their answers.
DRAIN_SECONDS = 10.0
POLL_SECONDS = 1.0


class StopSignal:
    """Signal handler. The first signal stops the running server gracefully; before that, and from the second one, it exits at once."""

    def __init__(self) -> None:
        self._server: Any = None
        self._stopping = Event()

    def __call__(self, *_: object) -> None:
        """Raises SystemExit if there is nothing to drain."""
        if self._server is None or self._stopping.is_set():
            raise SystemExit
        self._stopping.set()
        self._server.pull_trigger()  # wakes the poll

    def run(self, server: Any, loop: EventLoop) -> None:
        """Serve until the signal, then drain. `server` is a waitress server of one socket."""
        self._server = server
        while not self._stopping.is_set():
            loop.run_once(POLL_SECONDS)
        loop.unregister(server._fileno)
        server.del_channel()
        server.socket.close()
        end = monotonic() + DRAIN_SECONDS
        while monotonic() < end and any(_is_busy(channel) for channel in list(server.active_channels.values())):
            loop.run_once(0.05)
        server.task_dispatcher.shutdown(timeout=1)


def _is_busy(channel: Any) -> bool:
    """Whether a request of the channel is being read or answered, or its answer sent."""
    return bool(channel.request is not None or channel.requests or channel.total_outbufs_len)
