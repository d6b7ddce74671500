"""Many read at a time, one changes: what is read in several steps does not change between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWriteLock:
    """A change waits for the readings that run, and readings that come later wait for it, so that it does not wait for ever.

    A thread must not take a turn inside a turn.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._reading = 0
        self._changes = 0  # those that run or wait
        self._changing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing is changed meanwhile."""
        with self._condition:
            self._condition.wait_for(lambda: not self._changes)
            self._reading += 1
        try:
            yield
        finally:
            with self._condition:
                self._reading -= 1
                self._condition.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nothing is read or changed by others meanwhile."""
        with self._condition:
            self._changes += 1
            self._condition.wait_for(lambda: not self._reading and not self._changing)
            self._changing = True
        try:
            yield
        finally:
            with self._condition:
                self._changes -= 1
                self._changing = False
                self._condition.notify_all()
