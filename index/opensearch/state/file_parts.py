"""The bytes of files of any size, in parts that a request can carry."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from index.opensearch.connection import Connection
from index.opensearch.state.records import Records
from index.types import DamagedRow

PART_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`key`: of its parts, never used for other contents. `size`: in bytes."""

    key: str
    parts: int
    size: int
    sha256: str


class FileParts:
    def __init__(self, connection: Connection) -> None:
        self._records = Records(
            connection, "files", {"file": "keyword", "number": "long", "parts": "long", "written": "double"}
        )

    def write(self, key: str, content: bytes) -> StoredFile:
        parts = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)]
        for number, part in enumerate(parts):
            facts = {"file": key, "number": number, "parts": len(parts), "written": time.time()}
            self._records.create(f"{key}-{number}", {**facts, "data": base64.b64encode(part).decode()})
        return StoredFile(key, len(parts), len(content), hashlib.sha256(content).hexdigest())

    def read(self, file: StoredFile) -> bytes:
        """Raises DamagedRow for a file that is not as it was written."""
        found = [self._records.get(f"{file.key}-{number}") for number in range(file.parts)]
        content = b"".join(base64.b64decode(record.source["data"]) for record in found if record)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise DamagedRow(f"the stored file {file.key} is damaged")
        return content

    def delete(self, file: StoredFile) -> None:
        self._delete(file.key, file.parts)

    def sweep(self, is_named: Callable[[str], bool], older_than: float) -> int:
        """Delete files that are older than some seconds and whose keys no record names, and return their number."""
        self._records.refresh()
        written = {"range": {"written": {"lt": time.time() - older_than}}}
        firsts = {"bool": {"filter": [{"term": {"number": 0}}, written]}}
        keys = [(each.source["file"], each.source["parts"]) for each in self._records.all(firsts, "file", without="data")]
        left_over = [(key, parts) for key, parts in keys if not is_named(key)]
        for key, parts in left_over:
            self._delete(key, parts)
        return len(left_over)

    def _delete(self, key: str, parts: int) -> None:
        """The first part last: by it `sweep` finds the others."""
        for number in reversed(range(parts)):
            if record := self._records.get(f"{key}-{number}"):
                self._records.delete(record)
