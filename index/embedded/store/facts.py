"""Facts about the store as a whole: its identity, its embedding model and its counters."""

from __future__ import annotations

from pathlib import Path

import apsw

from index.embedded.store.rows import RowReader
from index.types import FingerprintMismatch, Ids

LOGGED_CHANGES = 10_000  # a process that is further behind reads the removals of its whole index again


class Facts(RowReader):
    @property
    def folder(self) -> Path:
        return self._database.path.parent

    @property
    def identity(self) -> str:
        """Random name of this store. An index that names another one was not built from it."""
        return self._fact("identity") or ""

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the model whose vectors are searched; None until a document was stored."""
        return self._fact("fingerprint")

    @property
    def model(self) -> str | None:
        """Name of the model whose vectors are searched."""
        return self._fact("model")

    @property
    def changes(self) -> int:
        """Change counter. An index with a higher value was built from a newer copy of the store."""
        return int(self._fact("changes") or 0)

    def current_changes(self) -> int:
        """As `changes`, read only if any process has committed since this thread's last call."""
        state = self._database.state()
        if getattr(self._seen, "state", None) != state:
            self._seen.state, self._seen.changes = state, self.changes
        return int(self._seen.changes)

    @property
    def damaged(self) -> bool:
        """Whether damage was found; `qa check` lists it."""
        return bool(self._database.damage.found)

    def counts(self) -> tuple[int, int]:
        """Numbers of documents and passages, from counters."""
        return int(self._fact("documents") or 0), int(self._fact("passages") or 0)

    def last_passage_id(self) -> int:
        """The highest passage id ever given. Ids rise and are never reused."""
        found = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
        return found[0][0] if found else 0

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raise FingerprintMismatch if the store holds vectors of another model."""
        if self.fingerprint not in (None, fingerprint) and self.last_passage_id():
            raise FingerprintMismatch(
                f"the store holds vectors of the embedding model {self.model or 'unnamed'} ({self.fingerprint}), not of the"
                f" configured one ({fingerprint}); configure the old model, or run `qa rebuild --model NAME` with the new name"
            )

    def set_model(self, fingerprint: str, model: str) -> None:
        """Search the vectors of this model from now on."""
        with self._database.transaction() as connection:
            facts = {"fingerprint": fingerprint, "model": model}
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def request_rebuild(self) -> int:
        """Ask the process that owns the folder to build the index again; the number of the request."""
        with self._database.transaction() as connection:
            number = self.requested_rebuild() + 1
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('rebuild_requested', ?)", (number,))
            record_change(connection)
        return number

    def requested_rebuild(self) -> int:
        """Number of the last request, 0 before the first."""
        return int(self._fact("rebuild_requested") or 0)

    def finish_rebuild(self, number: int, failure: str = "") -> None:
        """Record that the requests up to `number` were carried out, or why not."""
        with self._database.transaction() as connection:
            facts = {"rebuild_finished": number, "rebuild_failure": failure}
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def finished_rebuild(self) -> tuple[int, str]:
        """Number of the last request that was carried out, and why the last one could not be; "" if it was."""
        with self._database.reading():
            return int(self._fact("rebuild_finished") or 0), self._fact("rebuild_failure") or ""

    def _fact(self, name: str) -> str | None:
        found = self._database.rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None


def record_change(connection: apsw.Connection, documents: int = 0, passages: int = 0, removed: Ids | None = None) -> None:
    """Count one change, add these numbers to the counters, and log the passages of the document that it removed."""
    added = {"changes": 1, "documents": documents, "passages": passages}
    connection.executemany("UPDATE facts SET value = value + ? WHERE name = ?", [(by, name) for name, by in added.items()])
    # Passages of a document are stored in one transaction, so their ids are consecutive.
    span = (int(removed[0]), int(removed[-1])) if removed is not None and len(removed) else (0, 0)
    connection.execute("INSERT OR REPLACE INTO change_log SELECT value, ?, ? FROM facts WHERE name = 'changes'", span)
    oldest = "(SELECT CAST(value AS INTEGER) FROM facts WHERE name = 'changes') - ?"
    connection.execute(f"DELETE FROM change_log WHERE change <= {oldest}", (LOGGED_CHANGES,))


def record_update(connection: apsw.Connection) -> None:
    """Record that the fields of a stored document changed: results of filters are found again."""
    record_change(connection)
    connection.execute("INSERT INTO facts VALUES ('updates', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
