"""waitress's connections on epoll: an iteration costs what happens in it, not the number of open connections.

waitress asks every connection in every iteration for the events it waits for; 2,000 idle ones cost milliseconds each time. Those
events change only when a connection opens, when an event arrives, and when the thread that serves it pulls the trigger, so only then
they are updated here. Once a second all are, which also finds the connections that the maintenance wants closed.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from typing import Any

from waitress.wasyncore import readwrite

FULL_UPDATE_SECONDS = 1.0

_serving = threading.local()


class EventLoop:
    """The loop over the connections of a waitress server. Its channels call `add`, `set_served_channel` and `unregister`."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._poll = select.epoll()
        self._flags: dict[int, int] = {}
        self._changed: deque[Any] = deque()
        self._last_full_update = 0.0
        server.pull_trigger = self._pull_trigger
        server.event_loop = self

    def add(self, channel: Any) -> None:
        self._changed.append(channel)

    def set_served_channel(self, channel: Any) -> None:
        """The channel that the calling thread serves from now on, or None."""
        _serving.channel = channel

    def unregister(self, descriptor: int) -> None:
        """Call in the loop's own thread, before the descriptor is closed."""
        if self._flags.pop(descriptor, 0):
            self._poll.unregister(descriptor)

    def run_once(self, seconds: float) -> None:
        """Wait up to `seconds` for events and handle them."""
        dispatchers = self._server._map
        now = time.monotonic()
        if now - self._last_full_update > FULL_UPDATE_SECONDS:
            self._last_full_update = now
            self._changed.extend(list(dispatchers.values()))
        else:
            self._changed.append(self._server)
        while self._changed:
            self._update(self._changed.popleft())
        for descriptor, flags in self._poll.poll(seconds):
            dispatcher = dispatchers.get(descriptor)
            if dispatcher is not None:
                readwrite(dispatcher, flags)
                self._update(dispatcher)

    def _update(self, dispatcher: Any) -> None:
        """Poll for the dispatcher's events. One without any is not polled: epoll would report a client's hang-up for ever."""
        descriptor = dispatcher._fileno
        if descriptor is None or self._server._map.get(descriptor) is not dispatcher:
            return
        flags = select.EPOLLIN | select.EPOLLPRI if dispatcher.readable() else 0
        if dispatcher.writable() and not dispatcher.accepting:
            flags |= select.EPOLLOUT
        before = self._flags.get(descriptor, 0)
        if flags == before:
            return
        self._flags[descriptor] = flags
        if not before:
            self._poll.register(descriptor, flags)
        elif flags:
            self._poll.modify(descriptor, flags)
        else:
            self._poll.unregister(descriptor)

    def _pull_trigger(self) -> None:
        channel = getattr(_serving, "channel", None)
        if channel is not None:
            self._changed.append(channel)
        self._server.trigger.pull_trigger()
