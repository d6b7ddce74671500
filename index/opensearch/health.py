"""Whether the cluster has every copy of every shard of an index."""

from __future__ import annotations

import time

from index.opensearch.connection import Connection

REMEMBERED_SECONDS = 5.0


class Health:
    def __init__(self, connection: Connection, index: str) -> None:
        self._connection, self._path = connection, f"/_cluster/health/{index}"
        self._asked, self._degraded = -REMEMBERED_SECONDS, False

    def is_degraded(self) -> bool:
        """False also where there is no index yet. Raises EngineUnavailable."""
        if time.monotonic() - self._asked > REMEMBERED_SECONDS:
            found = self._connection.request("GET", self._path, params={"timeout": "1s"}, accept=(404, 408))
            # For an index that is not there the cluster waits, and calls itself red.
            missing = found.status == 404 or not found.body.get("active_primary_shards")
            self._degraded = found.body.get("status") != "green" and not (missing and self._is_absent())
            self._asked = time.monotonic()
        return self._degraded

    def _is_absent(self) -> bool:
        index = self._path.rpartition("/")[2]
        return self._connection.request("GET", f"/{index}/_settings", accept=(404,)).status == 404
