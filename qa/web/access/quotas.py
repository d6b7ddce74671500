"""Rate limits per key, or per address for callers without one: token buckets that all processes of a service share."""

from __future__ import annotations

import fcntl
import ipaddress
import mmap
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from multiprocessing.reduction import DupFd
from typing import Any, Protocol

# A bucket: the hash of its name, the requests left, and when that was.
_BUCKET = struct.Struct("=8sdd")
# A name belongs to one group, whose oldest bucket it may replace; by then that one is full again, or the server is under attack.
GROUPS, GROUP_BUCKETS = 2_048, 8
_GROUP_BYTES = _BUCKET.size * GROUP_BUCKETS
BUCKETS_BYTES = GROUPS * _GROUP_BYTES
ALONE = -1


class Buckets(Protocol):
    """A bucket holds one minute's requests and refills evenly."""

    def spend(self, name: str, size: int) -> float:
        """Take a request from a bucket of `size`. Seconds until it is allowed, 0 for now."""
        ...


class SharedBuckets:
    """Buckets in memory. The lock of a process that dies is released."""

    def __init__(self, file: int = ALONE, clock: Callable[[], float] = time.monotonic) -> None:
        """`file`: a descriptor of BUCKETS_BYTES shared with other processes; ALONE for buckets of this process.

        `clock`: the same in all processes.
        """
        self.file, self._clock = file, clock
        self._memory = mmap.mmap(file, BUCKETS_BYTES)
        self._lock = threading.Lock()

    def __reduce__(self) -> Any:
        """A process that is spawned with these buckets inherits their file."""
        return _inherit, (DupFd(self.file),)

    def spend(self, name: str, size: int) -> float:
        hashed = blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest()
        with self._group(hashed) as (memory, start):
            now = self._clock()
            found = [_BUCKET.unpack_from(memory, start + number * _BUCKET.size) for number in range(GROUP_BUCKETS)]
            place = next((number for number, bucket in enumerate(found) if bucket[0] == hashed), None)
            left = float(size)
            if place is None:
                place = min(range(GROUP_BUCKETS), key=lambda number: float(found[number][2]))
            else:
                _, before, updated = found[place]
                left = min(left, before + (now - updated) * size / 60)
            missing = 1 - left
            _BUCKET.pack_into(memory, start + place * _BUCKET.size, hashed, left - 1 if missing <= 0 else left, now)
        return max(missing * 60 / size, 0.0)

    @contextmanager
    def _group(self, name: bytes) -> Iterator[tuple[mmap.mmap, int]]:
        """Lock the buckets; the memory, and the place of a name's group in it."""
        number = int.from_bytes(name[:4], "little") % GROUPS
        with self._lock:
            if self.file != ALONE:
                fcntl.lockf(self.file, fcntl.LOCK_EX)
            try:
                yield self._memory, number * _GROUP_BYTES
            finally:
                if self.file != ALONE:
                    fcntl.lockf(self.file, fcntl.LOCK_UN)


def _inherit(file: Any) -> SharedBuckets:
    return SharedBuckets(file.detach())


class Quotas:
    """The limits of keys and addresses."""

    def __init__(self, per_key: int = 0, per_address: int = 60, buckets: Buckets | None = None) -> None:
        """Limits are in requests per minute; 0 for no limit. `buckets`: None for those of this process."""
        self._per_key, self._per_address = per_key, per_address
        self._buckets = buckets or SharedBuckets()

    def wait(self, key: str | None, address: str) -> float:
        """Take a request from the bucket of the key, or of the address if `key` is None. Seconds until it is allowed, 0 for now."""
        size = self._per_address if key is None else self._per_key
        if not size:
            return 0.0
        return self._buckets.spend(f"address {network(address)}" if key is None else f"key {key}", size)


def network(address: str) -> str:
    """The network of one caller: an IPv4 address, or the /64 of an IPv6 address, which one subscriber usually gets."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
