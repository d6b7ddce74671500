"""The audit log: who changed documents, keys and sources. Never what was asked, never text, titles or secrets.

In a data folder one JSON object per line in `audit.jsonl`. Entries are only added; a line that a crash left incomplete is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from index.types import StoredDocument, StoreError
from qa.state_files import Journal

log = logging.getLogger(__name__)

FILE_NAME = "audit.jsonl"
FORMAT = 1
# Who uses the command line, follows files, or calls from the same machine without a key.
THIS_MACHINE = "this machine"


class Change(StrEnum):
    ADD = "add"
    EDIT = "edit"
    REMOVE = "remove"
    CREATE_KEY = "create key"
    REVOKE_KEY = "revoke key"
    ADD_SOURCE = "add source"
    REMOVE_SOURCE = "remove source"
    RESTORE = "restore"
    REBUILD = "rebuild"
    REPAIR = "repair"
    COPY = "copy"
    CURATE = "curate"


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Adds entries in the name of `who`. Safe for threads and processes. `journal`: None to keep nothing."""

    journal: Journal | None = None
    who: str = THIS_MACHINE

    def by(self, who: str | None) -> AuditLog:
        """The same log, in the name of someone else; None for the same one."""
        return AuditLog(self.journal, who or self.who)

    def record(self, what: Change, outcome: str = "done", **details: str | Sequence[str] | None) -> None:
        """Add an entry for a change that was made. `details`: names and ids; those without a value are left out.

        A failure is logged: the change is made already.
        """
        if self.journal is None:
            return
        entry = {"format": FORMAT, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "who": self.who, "what": what}
        given = {name: value if isinstance(value, str) else list(value) for name, value in details.items() if value is not None}
        try:
            self.journal.append(entry | given | {"outcome": outcome})
        except StoreError as error:
            log.error("a change is missing in the audit log: %s", error)

    def record_edit(self, document: StoredDocument, fields: Iterable[str]) -> None:
        """Add an entry for an edited document. `fields`: the names of those edited."""
        edited = sorted(fields)
        self.record(Change.EDIT, "edited", documents=[document.id], collection=document.collection, fields=edited)

    def entries(self, since: datetime | None = None) -> Iterator[Mapping[str, Any]]:
        """The entries, oldest first. `since`: only those of this time or later. Raises StoreError if they cannot be read."""
        found = [each for each in (self.journal.entries() if self.journal else ()) if _is_entry(each)]
        # Entries that were copied from another log are behind its own.
        for entry in sorted(found, key=_time):
            if since is None or _time(entry) >= since:
                yield entry


def _is_entry(entry: Any) -> bool:
    try:
        return bool(entry["format"] <= FORMAT and entry["who"] and entry["what"] and entry["outcome"] and _time(entry))
    except (KeyError, TypeError, ValueError):
        return False


def _time(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"]).astimezone(UTC)
