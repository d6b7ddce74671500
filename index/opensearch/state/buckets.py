"""Token buckets of rate limits that all front ends share.

A front end takes a few requests at once out of a bucket and spends them itself, so that few requests wait for the cluster. What it does
not spend in time is lost: limits are exact to a twentieth for each front end.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from hashlib import sha256

from index.lru import LRU
from index.opensearch.connection import Connection
from index.opensearch.state.records import Records, Source
from index.types import StoreError

# A bucket that was not used for this long is full again.
FULL_SECONDS = 60.0
# The part of a bucket that is taken at once, and for how long it can be spent.
TAKEN, SPENT_SECONDS = 20, 5.0
CALLERS = 10_000  # remembered by a front end
# Of this many uses one deletes full buckets.
USES = 2_000


@dataclass(slots=True)
class _Stock:
    """Requests that were taken and can be spent `until` then, by the monotonic clock; or none, as long as the bucket is empty."""

    left: int
    until: float
    is_refused: bool = False


class ClusterBuckets:
    """A bucket holds one minute's requests and refills evenly."""

    def __init__(self, connection: Connection) -> None:
        self._records = Records(connection, "limits", {"at": "double"})
        self._stocks: LRU[str, _Stock] = LRU(CALLERS)
        self._lock = threading.Lock()

    def spend(self, name: str, size: int) -> float:
        """Spend a request of a bucket of `size`. Seconds until it is allowed, 0 for now, also if the cluster cannot be reached."""
        now = time.monotonic()
        with self._lock:
            stock = self._stocks.get(name)
            if stock and stock.left and now < stock.until:
                stock.left -= 1
                return 0.0
            if stock and stock.is_refused and now < stock.until:
                return stock.until - now
        try:
            taken, seconds = self._take(sha256(name.encode(errors="surrogateescape")).hexdigest(), size)
        except StoreError:
            return 0.0  # what was asked fails with a reason
        self._stocks.put(name, _Stock(taken - 1, now + SPENT_SECONDS) if taken else _Stock(0, now + seconds, is_refused=True))
        return 0.0 if taken else seconds

    def _take(self, name: str, size: int) -> tuple[int, float]:
        """The number of requests taken, and if it is 0 the seconds until there is one."""
        taken, missing = 0, 0.0

        def take(source: Source | None) -> Source | None:
            nonlocal taken, missing
            now, left = time.time(), float(size)
            if source is not None:
                left = min(left, source["left"] + max(now - source["at"], 0.0) * size / FULL_SECONDS)
            taken, missing = min(int(left), max(size // TAKEN, 1)), max(1 - left, 0.0)
            return {"left": left - taken, "at": now} if taken else None

        self._records.change(name, take)
        if random.randrange(USES) == 0:  # noqa: S311 - no secret
            self._records.delete_matching({"range": {"at": {"lt": time.time() - FULL_SECONDS}}}, "at")
        return taken, missing * FULL_SECONDS / size
