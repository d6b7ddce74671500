"""Load shedding: admit what can be answered within `queue_seconds`, refuse the rest at once.

By Little's law a request that arrives as the Nth to wait has its turn after N times the interval between departures. The interval is
the mean of recent departures while every slot was busy, so the limit follows the machine and the questions.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable

# Share of the longest wait that the limit aims at: requests that take longer than the mean still come in time.
TARGET_SHARE = 0.8
# Departures that make an estimate: at least, and at most, so that slow answers are soon forgotten.
FEWEST_DEPARTURES, RECENT_DEPARTURES = 10, 50
# Seconds between departures: the assumption before any was measured.
FIRST_INTERVAL = 0.02

_thread = threading.local()


class Admission:
    """Counts the requests in the server, up to a `limit`. `in_flight`: running or waiting; `refused`: since the start. Thread-safe."""

    def __init__(
        self, wait_seconds: float = 5.0, slots: int = 3, most: int = 1_000, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """`wait_seconds`: the longest wait of an admitted request; `most`: the highest value of `limit`."""
        self._wait_seconds, self._slots, self._most = wait_seconds, slots, max(most, slots)
        self._clock = clock
        self._lock = threading.Lock()
        self._departures: deque[float] = deque(maxlen=RECENT_DEPARTURES)  # since a slot was idle
        self.in_flight = 0
        self.refused = 0
        self.expect(FIRST_INTERVAL)

    @property
    def running(self) -> int:
        return min(self.in_flight, self._slots)

    @property
    def waiting(self) -> int:
        return max(self.in_flight - self._slots, 0)

    @property
    def full(self) -> bool:
        return self.in_flight >= self.limit

    def expect(self, interval: float) -> None:
        """Estimate that a request departs every `interval` seconds, and let as many wait as then have their turn in time.

        At least as many as there are slots: with none waiting, no slot would be seen busy and a low limit would stay for ever.
        """
        waiting = TARGET_SHARE * self._wait_seconds / max(interval, 1e-6)
        self.limit = min(self._slots + max(int(waiting), self._slots), self._most)

    def admit(self) -> bool:
        """Admit a request, or count it as refused."""
        with self._lock:
            if not self.full:
                self.in_flight += 1
                return True
            self.refused += 1
            return False

    def count_refusal(self) -> None:
        with self._lock:
            self.refused += 1

    def leave_queue(self) -> None:
        """An admitted request leaves before it has run."""
        with self._lock:
            self.in_flight -= 1

    def release(self) -> None:
        """An admitted request leaves its slot."""
        with self._lock:
            now = self._clock()
            self.in_flight -= 1
            if self.in_flight < self._slots:
                self._departures.clear()
                return
            self._departures.append(now)
            if len(self._departures) > FEWEST_DEPARTURES:
                self.expect((now - self._departures[0]) / (len(self._departures) - 1))


def slots_of(processes: int = 1) -> int:
    """Requests that run at once in a process: one computes in Python, the others in the models' runtime. More slow each other down."""
    return 1 + max(min(os.cpu_count() or 2, 4) // processes, 1)


def set_release(release: Callable[[], None] | None) -> None:
    """What `release_slot` does in the calling thread from now on."""
    _thread.release = release


def release_slot() -> None:
    """Let another request run while this one waits for a disk or another server."""
    if release := getattr(_thread, "release", None):
        release()
