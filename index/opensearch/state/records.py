"""JSON records of one index, read as last written, and changed only if nobody else has changed them since."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from index.opensearch.connection import Connection
from index.types import EngineUnavailable

# A copy of the only shard on up to three nodes: small, and read by every process.
SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-2"}
# Changes of one record that are tried, before many others that change it too count as a failure of the cluster.
MAX_TRIES = 200
PAGE = 1_000
_WRITE = "write"  # the field with the name of the write, by which a repeated one knows its own first attempt

Source = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """`place`: sequence number and primary term, which change with every write."""

    id: str
    source: Source
    place: tuple[int, int]


class Records:
    def __init__(self, connection: Connection, suffix: str, fields: Mapping[str, str]) -> None:
        """`fields`: the fields to search, with their types; others are only stored."""
        self._connection, self._suffix = connection, suffix
        self._path = f"/{connection.index(suffix)}"
        self._fields = {name: {"type": kind} for name, kind in fields.items()}
        self._creating = threading.Lock()
        self._is_created = False

    def get(self, name: str) -> Record | None:
        """The record as last written, whether or not a search finds it."""
        found = self._connection.request("GET", self._document(name), accept=(404,))
        if found.status == 404:
            return None
        return _record(found.body)

    def create(self, name: str, source: Source) -> bool:
        """Store a new record; False if there is one."""
        return self._write(name, source, {"op_type": "create"}) is not None

    def replace(self, record: Record, source: Source) -> Record | None:
        """Store `source` in place of a record; None if it was changed or deleted meanwhile."""
        return self._write(record.id, source, _unchanged(record))

    def delete(self, record: Record) -> bool:
        """Delete a record; False if it was changed or deleted meanwhile. A delete that was repeated may say False as well."""
        deleted = self._connection.write("DELETE", self._document(record.id), params=_unchanged(record), accept=(404, 409))
        return deleted.status == 200

    def change(self, name: str, change: Callable[[Source | None], Source | None]) -> bool:
        """Store what `change` makes of a record, or of None if there is none; nothing if it gives None, and False then.

        It is called again if another process came in between.
        """
        for number in range(MAX_TRIES):
            record = self.get(name)
            source = change(record.source if record else None)
            if source is None:
                return False
            if self.replace(record, source) if record else self.create(name, source):
                return True
            time.sleep(min(0.001 * number, 0.05) * secrets.randbelow(100) / 100)
        raise EngineUnavailable(f"too many processes change {name} in the cluster at once; try again later")

    def refresh(self) -> None:
        """Let searches find everything that was written."""
        self._connection.request("POST", f"{self._path}/_refresh", accept=(404,))

    def search(
        self, query: Source, sort: str, *, descending: bool = False, limit: int = PAGE, after: Any = None, without: str = ""
    ) -> list[Record]:
        """Up to `limit` records by a field. `after`: the value of the last record of the page before. `without`: a field not to read."""
        order = [{sort: "desc" if descending else "asc"}]
        body = {"query": query, "sort": order, "size": limit, "seq_no_primary_term": True, "track_total_hits": False}
        body |= {"search_after": [after]} if after is not None else {}
        found = self._search(body | {"_source": {"excludes": [without]}} if without else body)
        return [_record(hit) for hit in found["hits"]["hits"]] if found else []

    def all(self, query: Source, sort: str, page: int = PAGE, without: str = "") -> Iterator[Record]:
        """All records by a field whose values differ, read `page` at a time. `without`: a field not to read."""
        after = None
        while found := self.search(query, sort, limit=page, after=after, without=without):
            yield from found
            after = found[-1].source[sort]

    def count(self, query: Source) -> int:
        found = self._search({"query": query, "size": 0, "track_total_hits": True})
        return int(found["hits"]["total"]["value"]) if found else 0

    def total(self, field: str) -> int:
        """The sum of a field over all records."""
        found = self._search({"size": 0, "aggs": {"total": {"sum": {"field": field}}}})
        return int(found["aggregations"]["total"]["value"]) if found else 0

    def last_write(self) -> int:
        """The sequence number of the last write that a search finds, -1 without one."""
        found = self._search({"size": 1, "sort": [{"_seq_no": "desc"}], "seq_no_primary_term": True, "_source": False})
        hits = found["hits"]["hits"] if found else []
        return int(hits[0]["_seq_no"]) if hits else -1

    def delete_matching(self, query: Source, sort: str) -> None:
        """Delete the records that a search finds, but not those that are changed meanwhile. `sort`: a field whose values differ."""
        while found := self.search(query, sort):
            index = self._connection.index(self._suffix)
            operations = [{"delete": {"_index": index, "_id": record.id, **_unchanged(record)}} for record in found]
            self._connection.bulk(operations)
            self.refresh()

    def _search(self, body: Source) -> Any:
        """None without the index."""
        params = {"allow_partial_search_results": "false"}
        found = self._connection.request("POST", f"{self._path}/_search", body, params=params, accept=(404,))
        return None if found.status == 404 else found.body

    def _write(self, name: str, source: Source, condition: Mapping[str, Any]) -> Record | None:
        self._create_index()
        named = {**source, _WRITE: secrets.token_hex(8)}
        written = self._connection.write("PUT", self._document(name), named, params=condition, accept=(409, 404))
        if written.status in (200, 201):
            return Record(name, named, (written.body["_seq_no"], written.body["_primary_term"]))
        found = self.get(name)  # a repeated write meets its own first attempt
        return found if found and found.source.get(_WRITE) == named[_WRITE] else None

    def _create_index(self) -> None:
        """Before the first write. Fields that are not searched are not indexed."""
        with self._creating:
            if not self._is_created:
                self._connection.create_index(self._suffix, {"dynamic": False, "properties": self._fields}, SETTINGS)
                self._is_created = True

    def _document(self, name: str) -> str:
        return f"{self._path}/_doc/{quote(name, safe='')}"


def _record(found: Mapping[str, Any]) -> Record:
    return Record(found["_id"], found["_source"], (found["_seq_no"], found["_primary_term"]))


def _unchanged(record: Record) -> dict[str, int]:
    number, term = record.place
    return {"if_seq_no": number, "if_primary_term": term}
