"""Documents, passages and vectors: the only source of truth. Everything else is derived from it.

Every row carries a hash of its contents, because `PRAGMA integrity_check` does not see a flipped bit inside a value. A damaged row is
reported; it is left out of lists, and raises DamagedRow if requested alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import apsw
import numpy as np

from corpus.types import Document, Passage
from index.documents import edited_document, new_document, replaced_version
from index.embedded.store import rows
from index.embedded.store.facts import record_change, record_update
from index.embedded.store.passages import Passages
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, PASSAGE_COLUMNS, VECTOR_COLUMNS, VERSION_COLUMNS
from index.embedded.store.sql import insert, next_number, placeholders
from index.engine import KEPT_VERSIONS, DocumentCopy
from index.types import NO_EDITS, NO_ORIGIN, DamagedRow, DocumentVersion, Ids, Matrix, Origin, StoredDocument


class Store(Passages):
    """The documents of a database. Reading is inherited; this class adds changes to whole documents."""

    def put(
        self,
        document_id: str,
        document: Document,
        passages: Sequence[Passage],
        vectors: Matrix,
        fingerprint: str,
        origin: Origin = NO_ORIGIN,
        edits: Mapping[str, Any] = NO_EDITS,
        by: str | None = None,
        keep_versions: int = KEPT_VERSIONS,
    ) -> Ids:
        """Store a document in one transaction, replacing any with the same id; return the passage ids of the replaced one.

        `edits`, `by`, `keep_versions`: as in `Engine.put`.

        Raises FingerprintMismatch if the store holds vectors of another model.
        """
        with self._database.transaction() as connection:
            previous = self.intact_document(document_id)
            stored = new_document(document_id, document, origin, previous, edits)
            present = self._keep_text(connection, previous, DocumentVersion(stored, stored.changed, by=by), keep_versions)
            return self._replace(DocumentCopy(stored, document, passages, vectors, fingerprint, present.since, present.by))

    def put_copy(self, copy: DocumentCopy) -> Ids:
        """As `put`, with all fields of the stored document but its number, which is new, and with its earlier texts alone."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM versions WHERE id = ?", (copy.stored.id,))
            for version, document in reversed(copy.earlier):
                _insert_version(connection, version, document)
            return self._replace(copy)

    def _replace(self, copy: DocumentCopy) -> Ids:
        if len(copy.passages) != len(copy.vectors):
            raise ValueError(f"{len(copy.passages)} passages with {len(copy.vectors)} vectors")
        with self._database.transaction() as connection:
            self.check_fingerprint(copy.fingerprint)
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('fingerprint', ?)", (copy.fingerprint,))
            removed = self._remove(connection, copy.stored.id)
            number = next_number(connection, "documents", "number")
            stored = replace(copy.stored, number=number)
            row = (*rows.document_row(stored, copy.document), rows.title_key(stored.title))
            insert(connection, "documents", f"number, {DOCUMENT_COLUMNS}, {CONTENT_COLUMNS}, title_key", row)
            first = next_number(connection, "passages", "id")
            for passage_id, (passage, vector) in enumerate(zip(copy.passages, copy.vectors, strict=True), first):
                insert(connection, "passages", f"id, {PASSAGE_COLUMNS}", rows.passage_row(passage_id, number, passage))
                insert(connection, "vectors", VECTOR_COLUMNS, rows.vector_row(copy.fingerprint, passage_id, vector))
            connection.execute("DELETE FROM versions WHERE id = ? AND until IS NULL", (stored.id,))
            _insert_version(connection, DocumentVersion(stored, copy.since or stored.changed, by=copy.by), None)
            record_change(connection, documents=1, passages=len(copy.passages))
        return removed

    def export(self, document_id: str) -> DocumentCopy | None:
        """As `Engine.export`."""
        fingerprint = self.fingerprint or ""
        with self._database.reading():
            stored, document = self.document(document_id), self.content(document_id)
            ids = self.passage_ids(document_id).tolist()
            found, vectors = self.passages(ids), self.vectors(ids, fingerprint)
            versions = self.versions(document_id)
            earlier = [(version, text) for version in versions[1:] if (text := self._earlier_text(version))]
        if stored is None or document is None:
            return None
        if not ids or not len(ids) == len(found) == len(vectors):
            raise DamagedRow(f"passages of the stored document {document_id!r} are damaged or missing; run `qa check`")
        passages = [passage.passage for passage in found]
        matrix = np.stack([vectors[i] for i in ids])
        return DocumentCopy(stored, document, passages, matrix, fingerprint, versions[0].since, versions[0].by, earlier)

    def remove(self, document_id: str) -> Ids:
        """Remove a document with its passages, vectors and earlier texts; return the ids of its passages, none if it does not exist."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM versions WHERE id = ?", (document_id,))
            return self._remove(connection, document_id)

    def update_origin(self, document_id: str, origin: Origin) -> bool:
        """Set the origin of a document and leave the rest unchanged. Return whether that was a change."""
        stored = self.document(document_id)
        if stored is None or stored.origin == origin:
            return False
        head = rows.document_head(replace(stored, **asdict(origin)))
        with self._database.transaction() as connection:
            columns = f"({DOCUMENT_COLUMNS}) = ({placeholders(head)})"
            connection.execute(f"UPDATE documents SET {columns} WHERE number = ?", (*head, stored.number))
            record_update(connection)
        return True

    def intact_document(self, document_id: str) -> StoredDocument | None:
        """A stored document; None for a damaged one too."""
        with suppress(DamagedRow):
            return self.document(document_id)
        return None

    def edit(self, document_id: str, changes: Mapping[str, Any]) -> StoredDocument | None:
        """As `Engine.edit`; None if there is no such document. Raises DamagedRow.

        The passages keep the old title until the document is put again.
        """
        with self._database.transaction() as connection:
            stored = self.document(document_id)
            if stored is None:
                return None
            edited = edited_document(stored, changes)
            if edited != stored:
                present = self.versions(document_id)[0]  # whose text does not change, unlike the time of the last change
                connection.execute("DELETE FROM versions WHERE id = ? AND until IS NULL", (document_id,))
                _insert_version(connection, present, None)
                head = rows.document_head(edited)
                columns = f"({DOCUMENT_COLUMNS}, title_key) = ({placeholders(head)}, ?)"
                values = (*head, rows.title_key(edited.title), stored.number)
                connection.execute(f"UPDATE documents SET {columns} WHERE number = ?", values)
                record_update(connection)
        return edited

    def _keep_text(
        self, connection: apsw.Connection, previous: StoredDocument | None, new: DocumentVersion, keep: int
    ) -> DocumentVersion:
        """Keep the text that a new one replaces, and at most `keep` in all; the new version, which is the present one for the same text."""
        if previous is None:
            return new
        present = self.versions(previous.id)[0]
        if previous.version == new.stored.version:
            return present
        if keep:
            with suppress(DamagedRow):  # a damaged text cannot be kept
                _insert_version(connection, replaced_version(present, new.since), self.content(previous.id))
        newest = "SELECT number FROM versions WHERE id = ?1 AND until IS NOT NULL ORDER BY number DESC LIMIT ?2"
        connection.execute(
            f"DELETE FROM versions WHERE id = ?1 AND until IS NOT NULL AND number NOT IN ({newest})", (previous.id, keep)
        )
        return new

    def _earlier_text(self, version: DocumentVersion) -> Document | None:
        """None for a damaged one."""
        with suppress(DamagedRow):
            return self.version_content(version.stored.id, version.stored.version)
        return None

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
            record_change(connection, documents=-1, passages=-len(ids), removed=ids)
        return ids


def _insert_version(connection: apsw.Connection, version: DocumentVersion, document: Document | None) -> None:
    """`document`: as in `rows.version_row`."""
    row = rows.version_row(next_number(connection, "versions", "number"), version, document)
    insert(connection, "versions", f"number, {VERSION_COLUMNS}, {CONTENT_COLUMNS}", row)
