"""Load shedding: admit what can be answered within `queue_seconds`, refuse the rest at once.

By Little's law a request that arrives as the Nth to wait has its turn after N times the interval between departures. The interval is
measured while all threads are busy, so the limit follows the machine and the questions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Weight of the newest interval in the running mean; fifty departures take a second or less.
NEWEST_WEIGHT = 0.05
# Share of the longest wait that the limit aims at: requests that take longer than the mean still come in time.
TARGET_SHARE = 0.7
# Seconds between departures: the assumption before any was measured, and the most that one measurement counts for.
FIRST_INTERVAL, LONGEST_INTERVAL = 0.01, 1.0


class Admission:
    """Counts the requests in the server, up to a `limit`. `in_flight`: running or waiting; `refused`: since the start. Thread-safe."""

    def __init__(
        self, wait_seconds: float = 1.0, threads: int = 8, most: int = 1_000, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """`wait_seconds`: the longest wait of an admitted request; `most`: the highest value of `limit`."""
        self._wait_seconds, self._threads, self._most = wait_seconds, threads, max(most, threads)
        self._clock = clock
        self._lock = threading.Lock()
        self._interval = FIRST_INTERVAL
        self._last_departure: float | None = None  # None if a thread was idle after it
        self.in_flight = 0
        self.refused = 0
        self.limit = self._compute_limit()

    @property
    def running(self) -> int:
        return min(self.in_flight, self._threads)

    @property
    def waiting(self) -> int:
        return max(self.in_flight - self._threads, 0)

    @property
    def full(self) -> bool:
        return self.in_flight >= self.limit

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

    def release(self) -> None:
        """An admitted request is done."""
        with self._lock:
            now = self._clock()
            self.in_flight -= 1
            if self._last_departure is not None:
                interval = min(now - self._last_departure, LONGEST_INTERVAL)
                self._interval += NEWEST_WEIGHT * (interval - self._interval)
                self.limit = self._compute_limit()
            self._last_departure = now if self.in_flight >= self._threads - 1 else None

    def _compute_limit(self) -> int:
        """One request for each thread, and as many as have their turn within the wait."""
        return min(self._threads + int(TARGET_SHARE * self._wait_seconds / self._interval), self._most)
