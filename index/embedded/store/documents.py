"""Reading documents."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.types import Document
from index.embedded.store import rows
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, RowReader
from index.types import StoredDocument

ROWS_AT_ONCE = 2000


class Documents(RowReader):
    def has_document(self, document_id: str) -> bool:
        """Whether a document has this id, damaged or not."""
        return bool(self._database.rows("SELECT 1 FROM documents WHERE id = ?", document_id))

    def document(self, document_id: str) -> StoredDocument | None:
        """A document without its text. Raises DamagedRow."""
        found = self._database.rows(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents WHERE id = ?", document_id)
        return self._read_one(rows.stored_document, found[0][0], found[0][1:]) if found else None

    def documents(self, after: str | None = None, limit: int = 100) -> list[StoredDocument]:
        """Up to `limit` undamaged documents with ids above `after`, ordered by id."""
        found: list[StoredDocument] = []
        query = "SELECT id, number FROM documents WHERE id > ? ORDER BY id LIMIT ?"
        for batch in self._database.batches(query, after or "", min(limit, ROWS_AT_ONCE)):
            found += self._documents_by_number([number for _, number in batch])
            if len(found) >= limit:
                break
        return found[:limit]

    def documents_from(self, source: str) -> list[StoredDocument]:
        """Documents read from this source, ordered by id."""
        found = self._database.rows("SELECT number FROM documents WHERE source = ? ORDER BY id", source)
        return self._documents_by_number([number for (number,) in found])

    def documents_without_passages(self) -> list[str]:
        """Ids of documents that cannot be found because a repair dropped their passages."""
        query = "SELECT id FROM documents d WHERE NOT EXISTS (SELECT 1 FROM passages WHERE document = d.number) ORDER BY id"
        return [document_id for (document_id,) in self._database.rows(query)]

    def content(self, document_id: str) -> Document | None:
        """A document with its text, headings and pages. Raises DamagedRow."""
        query = f"SELECT {CONTENT_COLUMNS}, number, {DOCUMENT_COLUMNS} FROM documents WHERE id = ?"
        for structure, text, structure_hash, number, *row in self._database.rows(query, document_id):
            stored = self._read_one(rows.stored_document, number, row)
            return self._read_one(rows.content, stored, (structure, text, structure_hash))
        return None

    def sources(self, prefix: str) -> set[str]:
        """Sources that start with `prefix`."""
        query = "SELECT DISTINCT source FROM documents WHERE substr(source, 1, ?) = ?"
        return {source for (source,) in self._database.rows(query, len(prefix), prefix)}

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        """Id of a document other than `excluding` with the same text."""
        query = "SELECT id FROM documents WHERE version = ? AND id != ? ORDER BY id LIMIT 1"
        found = self._database.rows(query, version, excluding)
        return found[0][0] if found else None

    def languages(self) -> list[tuple[str | None, int]]:
        """Languages with their numbers of documents, most frequent first; None stands for unknown."""
        return self._database.rows("SELECT language, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1")

    def _documents_by_number(self, numbers: Sequence[int]) -> list[StoredDocument]:
        """Undamaged documents in the order of `numbers`."""
        found = self._database.rows_by_key(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents WHERE number IN", numbers)
        read = self._read_each(rows.cached_document, ((number, tuple(row)) for number, *row in found))
        return [read[number] for number in numbers if number in read]
