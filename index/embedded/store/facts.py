"""Facts about the store as a whole: its identity, its embedding model and its counters."""

from __future__ import annotations

from pathlib import Path

import apsw

from index.embedded.store.rows import RowReader
from index.types import FingerprintMismatch


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

    def _fact(self, name: str) -> str | None:
        found = self._database.rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None


def update_counters(connection: apsw.Connection, documents: int, passages: int) -> None:
    """Count one change, and add these numbers to the counters."""
    added = {"changes": 1, "documents": documents, "passages": passages}
    connection.executemany("UPDATE facts SET value = value + ? WHERE name = ?", [(by, name) for name, by in added.items()])
