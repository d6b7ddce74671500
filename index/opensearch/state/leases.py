"""Leases of running jobs: a worker that lives writes to its job again and again; one that does not loses it to another.

No clocks are compared: a job is free once its record has not changed for LEASE_SECONDS of the time of whoever looks at it. Its worker
stops earlier, by its own time since its last write, so the two never overlap.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from index.opensearch.state.records import Record, Records
from index.types import StoreError

LEASE_SECONDS = 15.0
# Of LEASE_SECONDS: between two writes, and without one until the worker must stop.
RENEWED, LOST = 0.2, 0.7


class Lease:
    """Keeps a running job from other workers until it is ended, in a thread of its own."""

    def __init__(self, records: Records, record: Record) -> None:
        """`record`: as this worker has just written it."""
        self._records, self._record = records, record
        self._renewed = time.monotonic()
        self._is_lost = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def number(self) -> int:
        return int(self._record.source["number"])

    @property
    def is_lost(self) -> bool:
        """Whether another worker may have the job, or it was cancelled."""
        return self._is_lost or time.monotonic() - self._renewed > LOST * LEASE_SECONDS

    def end(self) -> None:
        """Write no more."""
        self._ending.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _renew(self) -> None:
        while not self._ending.wait(RENEWED * LEASE_SECONDS) and not self._is_lost:
            began = time.monotonic()
            try:
                renewed = self._records.replace(self._record, self._record.source)
            except StoreError:
                continue  # the cluster may be there again before the lease is lost
            if renewed is None:
                self._is_lost = True
            else:
                self._record, self._renewed = renewed, began


class LeaseWatch:
    """Finds the running jobs whose workers have died."""

    def __init__(self) -> None:
        self._seen: dict[
            int, tuple[tuple[int, int], float]
        ] = {}  # the last write of each running job, and when it was first seen

    def look(self, running: Iterable[Record]) -> None:
        """Note the present state of all running jobs."""
        now, before = time.monotonic(), self._seen
        self._seen = {}
        for record in running:
            number = int(record.source["number"])
            place, since = before.get(number, (None, now))
            self._seen[number] = (record.place, since if place == record.place else now)

    def is_free(self, record: Record) -> bool:
        """Whether the worker of a job has not written for as long as a lease lasts."""
        place, since = self._seen.get(int(record.source["number"]), (None, 0.0))
        return place == record.place and time.monotonic() - since > LEASE_SECONDS

    def seconds_until_free(self) -> float | None:
        """Until the first running job is free, if its worker has died; None if none runs."""
        first = min((since for _, since in self._seen.values()), default=None)
        return None if first is None else max(first + LEASE_SECONDS - time.monotonic(), 0.0) + 0.1
