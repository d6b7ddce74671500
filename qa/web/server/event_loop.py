"""waitress's loop over its connections, on epoll: a turn costs what happens in it, not what is open.

waitress asks every connection at every turn what it waits for; 2,000 that only stand open cost it milliseconds a turn. What a
connection waits for changes when it is opened, when something happens on it, and when a thread that serves it pulls the trigger: only
then is it asked here. Once a second all are asked, which also finds those that the upkeep wants closed.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from typing import Any

from waitress.wasyncore import readwrite

EVERY_SECONDS = 1.0

_serving = threading.local()


class EventLoop:
    """Turns over the connections of a waitress server. Its channels must tell `opened`, `serves` and `closes` of themselves."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._poll = select.epoll()
        self._flags: dict[int, int] = {}
        self._changed: deque[Any] = deque()
        self._all_asked = 0.0
        server.pull_trigger = self._pull_trigger
        server.event_loop = self

    def opened(self, channel: Any) -> None:
        self._changed.append(channel)

    def serves(self, channel: Any) -> None:
        """The calling thread serves this channel until it says otherwise."""
        _serving.channel = channel

    def closes(self, descriptor: int) -> None:
        """Called in the loop's own thread, before the descriptor is closed."""
        if self._flags.pop(descriptor, 0):
            self._poll.unregister(descriptor)

    def turn(self, seconds: float) -> None:
        """Wait until something happens, for so many seconds at the most, and see to it."""
        dispatchers = self._server._map
        now = time.monotonic()
        if now - self._all_asked > EVERY_SECONDS:
            self._all_asked = now
            self._changed.extend(list(dispatchers.values()))
        else:
            self._changed.append(self._server)
        while self._changed:
            self._ask(self._changed.popleft())
        for descriptor, flags in self._poll.poll(seconds):
            dispatcher = dispatchers.get(descriptor)
            if dispatcher is not None:
                readwrite(dispatcher, flags)
                self._ask(dispatcher)

    def _ask(self, dispatcher: Any) -> None:
        """What it waits for; one that waits for nothing is not polled, or a client that hung up would be told of for ever."""
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
