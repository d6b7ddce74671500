"""Small files of a service in a cluster, such as its keys, and records that are only added."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from index.opensearch.connection import Connection
from index.opensearch.state.records import PAGE, Records, Source
from index.types import StoreError

# A change is seen by the others after at most this time.
SEEN_SECONDS = 0.4
# Of kept questions; further ones are refused. They are counted at the first of COUNTED that a process appends.
MAX_ENTRIES, COUNTED = 500_000, 1_000
_ENTRIES: Source = {"exists": {"field": "order"}}


class ClusterFiles:
    """See `qa.state_files.StateFiles`."""

    def __init__(self, connection: Connection) -> None:
        self._address = str(connection.address)
        self._records = Records(connection, "service", {})
        self._asking = threading.Lock()
        self._seen: dict[str, tuple[float, Hashable]] = {}

    def place(self, name: str) -> str:
        return f"{name} in {self._address}"

    def read(self, name: str) -> bytes | None:
        record = self._records.get(name)
        return base64.b64decode(record.source["content"]) if record else None

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        def replace(source: Source | None) -> Source:
            before = base64.b64decode(source["content"]) if source else None
            return {"content": base64.b64encode(change(before)).decode()}

        self._records.change(name, replace)
        self._seen.pop(name, None)

    def state(self, name: str) -> Hashable:
        """Of many threads one asks; the others take what was seen last, or wait if that is too old. A failure is that of all."""
        with self._asking:
            at, state = self._seen.get(name, (-SEEN_SECONDS, None))
            if time.monotonic() - at >= SEEN_SECONDS:
                state = self._ask(name)
                self._seen[name] = time.monotonic(), state
        if isinstance(state, StoreError):
            raise state
        return state

    def _ask(self, name: str) -> Hashable:
        try:
            record = self._records.get(name)
        except StoreError as error:
            return error
        return record.place if record else None


class ClusterJournal:
    """See `qa.state_files.Journal`."""

    def __init__(self, connection: Connection, suffix: str, max_entries: int | None = None) -> None:
        """`max_entries`: further ones are refused."""
        self._address = str(connection.address)
        self._records = Records(connection, suffix, {"order": "keyword"})
        self._max_entries = max_entries
        self._appended = 0

    @property
    def place(self) -> str:
        return self._address

    def append(self, entry: Mapping[str, Any]) -> None:
        if self._max_entries is not None:
            if self._appended % COUNTED == 0 and self._records.count(_ENTRIES) >= self._max_entries:
                raise StoreError(f"there are more than {self._max_entries:,}; delete some with the tools of the cluster")
            self._appended += 1
        order = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        self._records.create(order, {"order": order, "entry": entry})

    def entries(self, newest: int | None = None) -> Iterator[Mapping[str, Any]]:
        self._records.refresh()
        if newest is None:
            records = self._records.all(_ENTRIES, "order")
        else:
            found = self._records.search(_ENTRIES, "order", descending=True, limit=min(newest, 10 * PAGE))
            records = iter(found[::-1])
        yield from (record.source["entry"] for record in records)

    def clear(self) -> None:
        self._records.refresh()
        self._records.delete_matching(_ENTRIES, "order")
