"""Who is let in when more come than can be served: as many as can be answered soon, so that the others hear at once that it is not now.

By Little's law whoever finds N inside waits N times the time between two departures. That time is measured while all threads are
busy, so the bound follows the machine and the questions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Share of the newest departure in the running mean; fifty departures are a second or less.
NEWEST = 0.05
# Share of the longest wait that is aimed at, so that what takes longer than the mean still comes in time.
AIM = 0.7
# Seconds between departures that are taken for granted until some were measured, and the most that one counts for.
FIRST_INTERVAL, LONGEST_INTERVAL = 0.01, 1.0


class Admission:
    """`inside`: requests that run or wait; `refused`: how many were not let in. Safe to use from several threads."""

    def __init__(
        self, wait_seconds: float = 1.0, threads: int = 8, most: int = 1_000, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """`wait_seconds`: the longest that one who is let in should have to wait; `most`: never more inside than this."""
        self._wait_seconds, self._threads, self._most = wait_seconds, threads, max(most, threads)
        self._clock = clock
        self._lock = threading.Lock()
        self._interval = FIRST_INTERVAL
        self._last_departure: float | None = None  # None where a thread was idle after it
        self.inside = 0
        self.refused = 0
        self.bound = self._bound()

    @property
    def running(self) -> int:
        return min(self.inside, self._threads)

    @property
    def waiting(self) -> int:
        return max(self.inside - self._threads, 0)

    @property
    def full(self) -> bool:
        return self.inside >= self.bound

    def arrive(self) -> bool:
        """Let one in, or refuse it."""
        with self._lock:
            if not self.full:
                self.inside += 1
                return True
            self.refused += 1
            return False

    def refuse(self) -> None:
        """One was sent away because it was full."""
        with self._lock:
            self.refused += 1

    def leave(self) -> None:
        """One that was let in has been answered."""
        with self._lock:
            now = self._clock()
            self.inside -= 1
            if self._last_departure is not None:
                interval = min(now - self._last_departure, LONGEST_INTERVAL)
                self._interval += NEWEST * (interval - self._interval)
                self.bound = self._bound()
            self._last_departure = now if self.inside >= self._threads - 1 else None

    def _bound(self) -> int:
        """Never fewer than can run."""
        return min(max(int(AIM * self._wait_seconds / self._interval), self._threads), self._most)
