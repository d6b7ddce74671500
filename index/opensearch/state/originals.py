"""The files that documents were read from, by their SHA-256, each kept once and as long as a document names it.

Whoever is about to store a document pins the file first. A file is deleted only if, in one step, nobody has pinned it and no document
names it; a pin of a process that died counts for an hour.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from index.opensearch.connection import Connection
from index.opensearch.state.file_parts import FileParts, StoredFile
from index.opensearch.state.records import Record, Records, Source
from index.types import DamagedRow, StoreError

PIN_SECONDS = 3_600.0


class ClusterOriginals:
    def __init__(self, connection: Connection, is_referenced: Callable[[str], bool]) -> None:
        """`is_referenced`: whether a stored document names a file by its SHA-256; it must know of every acknowledged document."""
        self._records = Records(connection, "originals", {"sha256": "keyword", "size": "long"})
        self._parts = FileParts(connection)
        self._is_referenced = is_referenced

    @contextmanager
    def keep(self, content: bytes) -> Iterator[str]:
        """As `Engine.keep_original`."""
        digest, pin = hashlib.sha256(content).hexdigest(), secrets.token_hex(8)
        while not (self._pin(digest, pin) or self._store(digest, pin, content)):
            pass  # another process stored or deleted it between the two
        try:
            yield digest
        finally:
            with suppress(StoreError):  # the pin ends by itself
                self._records.change(digest, lambda source: _without(source, pin))

    def read(self, digest: str) -> bytes:
        """Raises DamagedRow."""
        record = self._records.get(digest)
        if record is None:
            raise DamagedRow(f"the original {digest} is missing; add its file again")
        return self._parts.read(_file(record.source))

    def size(self) -> tuple[int, int]:
        """The number of files and their size in bytes."""
        self._records.refresh()
        return self._records.count({"exists": {"field": "sha256"}}), self._records.total("size")

    def delete_unreferenced(self, digest: str | None) -> None:
        """Delete a file that no document names and nobody is about to name."""
        record = self._records.get(digest) if digest else None
        if record:
            self._delete_unreferenced(record)

    def sweep(self) -> None:
        """Delete all files that no document names, such as those of a process that was killed before it stored one."""
        self._records.refresh()
        for record in self._records.all({"exists": {"field": "sha256"}}, "sha256"):
            self._delete_unreferenced(record)

    def names_file(self, key: str) -> bool:
        """Whether these parts are a file that is kept."""
        record = self._records.get(key.partition("-")[0])
        return record is not None and record.source["key"] == key

    def _delete_unreferenced(self, record: Record) -> None:
        is_pinned = any(time.time() - since < PIN_SECONDS for since in record.source["pins"].values())
        if not is_pinned and not self._is_referenced(record.id) and self._records.delete(record):
            self._parts.delete(_file(record.source))

    def _pin(self, digest: str, pin: str) -> bool:
        def add(source: Source | None) -> Source | None:
            return None if source is None else {**source, "pins": {**source["pins"], pin: time.time()}}

        return self._records.change(digest, add)

    def _store(self, digest: str, pin: str, content: bytes) -> bool:
        file = self._parts.write(f"{digest}-{pin}", content)
        if self._records.create(digest, {**asdict(file), "pins": {pin: time.time()}}):
            return True
        self._parts.delete(file)
        return False


def _file(source: Source) -> StoredFile:
    return StoredFile(source["key"], source["parts"], source["size"], source["sha256"])


def _without(source: Source | None, pin: str) -> Source | None:
    if source is None:
        return None
    return {**source, "pins": {name: since for name, since in source["pins"].items() if name != pin}}
