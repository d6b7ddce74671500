"""Documents, passages and vectors: the only source of truth. Everything else is derived from it.

Every row carries a hash of its contents, because `PRAGMA integrity_check` does not see a flipped bit inside a value. A damaged row is
reported; it is left out of lists, and raises DamagedRow if requested alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import apsw

from corpus.types import Document, Passage
from index.embedded.store import rows
from index.embedded.store.facts import update_counters
from index.embedded.store.passages import Passages
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, PASSAGE_COLUMNS, VECTOR_COLUMNS
from index.embedded.store.statements import insert, next_number, placeholders
from index.types import Ids, Matrix


class Store(Passages):
    """The documents of a database. Reading is inherited; this class adds changes to whole documents."""

    def put(
        self,
        document_id: str,
        document: Document,
        passages: Sequence[Passage],
        vectors: Matrix,
        fingerprint: str,
        source: str | None = None,
        source_hash: str | None = None,
    ) -> Ids:
        """Store a document in one transaction, replacing any with the same id; return the passage ids of the replaced one.

        `source` is the path or URL it was read from, `source_hash` the SHA-256 of the bytes read there.
        Raises FingerprintMismatch if the store holds vectors of another model.
        """
        if len(passages) != len(vectors):
            raise ValueError(f"{len(passages)} passages with {len(vectors)} vectors")
        with self._database.transaction() as connection:
            self.check_fingerprint(fingerprint)
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('fingerprint', ?)", (fingerprint,))
            removed = self._remove(connection, document_id)
            number = next_number(connection, "documents", "number")
            row = rows.document_row(number, document_id, document, source, source_hash)
            insert(connection, "documents", f"number, {DOCUMENT_COLUMNS}, {CONTENT_COLUMNS}", row)
            first = next_number(connection, "passages", "id")
            for passage_id, (passage, vector) in enumerate(zip(passages, vectors, strict=True), first):
                insert(connection, "passages", f"id, {PASSAGE_COLUMNS}", rows.passage_row(passage_id, number, passage))
                insert(connection, "vectors", VECTOR_COLUMNS, rows.vector_row(fingerprint, passage_id, vector))
            update_counters(connection, documents=1, passages=len(passages))
        return removed

    def remove(self, document_id: str) -> Ids:
        """Remove a document with its passages and vectors; return the ids of its passages, none if it does not exist."""
        with self._database.transaction() as connection:
            return self._remove(connection, document_id)

    def update_source(self, document_id: str, source: str | None, source_hash: str | None) -> bool:
        """Set the source of a document and leave the rest unchanged. Return whether that was a change."""
        stored = self.document(document_id)
        if stored is None or (stored.source, stored.source_hash) == (source, source_hash):
            return False
        head = rows.document_head(replace(stored, source=source, source_hash=source_hash))
        with self._database.transaction() as connection:
            columns = f"({DOCUMENT_COLUMNS}) = ({placeholders(head)})"
            connection.execute(f"UPDATE documents SET {columns} WHERE number = ?", (*head, stored.number))
        return True

    def _remove(self, connection: apsw.Connection, document_id: str) -> Ids:
        ids = self.passage_ids(document_id)
        # With the fingerprints given, SQLite finds the vectors by their key; without, it would scan them all.
        fingerprints = ", ".join(f"'{fingerprint}'" for fingerprint in self.fingerprints())
        of_document = "(SELECT id FROM passages WHERE document = (SELECT number FROM documents WHERE id = ?))"
        for statement in (
            f"INSERT INTO removed_passages SELECT id FROM {of_document}",
            f"DELETE FROM vectors WHERE fingerprint IN ({fingerprints}) AND passage IN {of_document}",
            f"DELETE FROM passages WHERE id IN {of_document}",
            "DELETE FROM documents WHERE id = ?",
        ):
            connection.execute(statement, (document_id,))
        if connection.changes():
            update_counters(connection, documents=-1, passages=-len(ids))
        return ids
