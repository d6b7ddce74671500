"""Rate limits per key, or per address for callers without one: token buckets in memory."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable

from index.lru import LRU

# Buckets kept. The least recently used one is dropped; by then it is full again, or the server is under attack.
MAX_BUCKETS = 10_000


class Quotas:
    """A bucket holds one minute's requests and refills evenly."""

    def __init__(self, per_key: int = 0, per_address: int = 60, clock: Callable[[], float] = time.monotonic) -> None:
        """Limits are in requests per minute; 0 for no limit."""
        self._per_key, self._per_address = per_key, per_address
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: LRU[tuple[str, str], tuple[float, float]] = LRU(MAX_BUCKETS)

    def wait(self, key: str | None, address: str) -> float:
        """Take a request from the bucket of the key, or of the address if `key` is None. Seconds until it is allowed, 0 for now."""
        size = self._per_address if key is None else self._per_key
        if not size:
            return 0.0
        name = ("address", network(address)) if key is None else ("key", key)
        with self._lock:
            now = self._clock()
            left, updated = self._buckets.get(name) or (float(size), now)
            left = min(float(size), left + (now - updated) * size / 60)
            missing = 1 - left
            self._buckets.put(name, (left - 1 if missing <= 0 else left, now))
        return max(missing * 60 / size, 0.0)


def network(address: str) -> str:
    """The network of one caller: an IPv4 address, or the /64 of an IPv6 address, which one subscriber usually gets."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
