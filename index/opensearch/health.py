"""Whether the cluster has every copy of every shard of an index, and every shard."""

from __future__ import annotations

import time
from typing import Any

from index.opensearch.connection import Connection
from index.types import StoreError

REMEMBERED_SECONDS = 5.0
# Until shards count as missing, and what the others hold is searched: after the failure of a node its copies take over sooner.
PATIENCE_SECONDS = 5.0


class Health:
    """Several threads may use it at once."""

    def __init__(self, connection: Connection, index: str) -> None:
        self._connection, self._index = connection, index
        self._asked, self._status = -REMEMBERED_SECONDS, "green"
        self._red_since: float | None = None

    def is_degraded(self) -> bool:
        """False also where there is no index yet. Raises EngineUnavailable."""
        if time.monotonic() - self._asked > REMEMBERED_SECONDS:
            self._ask()
        return self._status != "green"

    def lacks_shards(self) -> bool:
        """Whether shards have been missing for some time, as far as `note_failure` was told."""
        if self._red_since is not None and time.monotonic() - self._asked > REMEMBERED_SECONDS:
            self._ask()
        since = self._red_since
        return since is not None and time.monotonic() - since >= PATIENCE_SECONDS

    def note_failure(self, seconds: float) -> bool:
        """Whether shards are missing, asked after a search that failed for some seconds."""
        try:
            self._ask(since=time.monotonic() - seconds)
        except StoreError:
            return False
        return self._red_since is not None

    def _ask(self, since: float | None = None) -> None:
        """`since`: when shards were missing first, if they are."""
        path, params = f"/_cluster/health/{self._index}", {"timeout": "1s"}
        found: Any = self._connection.request("GET", path, params=params, accept=(404, 408))
        # For an index that is not there the cluster waits, and calls itself red.
        missing = found.status == 404 or not found.body.get("active_primary_shards")
        self._status = "green" if missing and self._is_absent() else found.body.get("status", "red")
        self._asked = time.monotonic()
        if self._status != "red":
            self._red_since = None
        elif self._red_since is None:
            self._red_since = since

    def _is_absent(self) -> bool:
        return self._connection.request("GET", f"/{self._index}/_settings", accept=(404,)).status == 404
