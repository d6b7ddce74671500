"""Reading documents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from corpus.types import Document
from index.embedded.store import rows
from index.embedded.store.filter_sql import filter_sql
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, VERSION_COLUMNS, RowReader
from index.filters import Scalar
from index.listing import DocumentPage, DocumentQuery, DocumentState
from index.types import DocumentVersion, StoredDocument

ROWS_AT_ONCE = 2000
_SORT_COLUMNS: dict[str, str] = {
    "id": "d.id",
    "title": "d.title_key",
    "added": "d.added",
    "changed": "d.changed",
    **{name: f"coalesce(d.{name}, '')" for name in ("file_name", "type", "date", "language")},
}
_UNFINISHED = "d.id IN (SELECT document_id FROM jobs WHERE status IN ('queued', 'running'))"
_FAILED = "d.id IN (SELECT document_id FROM jobs WHERE status = 'failed')"
_STATES: dict[str, str] = {
    "updating": _UNFINISHED,
    "failed": f"{_FAILED} AND NOT {_UNFINISHED}",
    "ready": f"NOT {_FAILED} AND NOT {_UNFINISHED}",
}


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

    def documents_from(self, location: str) -> list[StoredDocument]:
        """Documents read from this location, ordered by id."""
        found = self._database.rows("SELECT number FROM documents WHERE location = ? ORDER BY id", location)
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

    def versions(self, document_id: str) -> list[DocumentVersion]:
        """As `Engine.versions`; damaged ones are left out."""
        with self._database.reading():
            stored = self.document(document_id)
            query = f"SELECT number, {VERSION_COLUMNS} FROM versions WHERE id = ? ORDER BY number DESC"
            found = self._database.rows(query, document_id) if stored else []
        if stored is None:
            return []
        parse = partial(rows.stored_version, present=stored)
        read = list(self._read_each(parse, ((number, row) for number, *row in found)).values())
        # Without a row: stored by a version of this program that kept none.
        present = [version for version in read if version.until is None] or [DocumentVersion(stored, stored.changed)]
        return [*present, *(version for version in read if version.until is not None)]

    def version_content(self, document_id: str, version: str) -> Document | None:
        """As `Engine.version_content`. Raises DamagedRow."""
        stored = self.document(document_id)
        if stored is None or stored.version == version:
            return self.content(document_id)
        columns = f"number, {CONTENT_COLUMNS}, {VERSION_COLUMNS}"
        query = (
            f"SELECT {columns} FROM versions WHERE id = ? AND version = ? AND until IS NOT NULL ORDER BY number DESC LIMIT 1"
        )
        for number, structure, text, structure_hash, *row in self._database.rows(query, document_id, version):
            found = self._read_one(rows.stored_version, number, row, stored)
            return self._read_one(rows.version_content, found.stored, (structure, text, structure_hash))
        return None

    def locations(self, prefix: str) -> set[str]:
        """Locations that start with `prefix`."""
        query = "SELECT DISTINCT location FROM documents WHERE substr(location, 1, ?) = ?"
        return {location for (location,) in self._database.rows(query, len(prefix), prefix)}

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        """Id of a document other than `excluding` with the same text."""
        query = "SELECT id FROM documents WHERE version = ? AND id != ? ORDER BY id LIMIT 1"
        found = self._database.rows(query, version, excluding)
        return found[0][0] if found else None

    def page(self, query: DocumentQuery) -> DocumentPage:
        """A page of the documents that a query selects. Texts are not read."""
        condition, values = _listing_sql(query)
        key = _SORT_COLUMNS[query.sort]
        if condition:
            # One scan of a covering index gives the page and the total.
            selected = f"SELECT {key}, d.number FROM documents d INDEXED BY documents_listed WHERE {condition}"
            found = sorted(self._database.rows(selected, *values), reverse=query.descending)
            total = len(found)
            if query.after:
                after = query.after
                found = [place for place in found if (place < after if query.descending else place > after)]
        else:
            order, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
            after_sql = f"WHERE ({key}, d.number) {beyond} (?, ?)" if query.after else ""
            select = f"SELECT {key}, d.number FROM documents d {after_sql} ORDER BY {key} {order}, d.number {order} LIMIT ?"
            found = self._database.rows(select, *(query.after or ()), query.limit + 1)
            ((total,),) = self._database.rows("SELECT value FROM facts WHERE name = 'documents'")
        shown = found[: query.limit]
        documents = self._documents_by_number([number for _, number in shown])
        return DocumentPage(documents, shown[-1] if len(found) > query.limit else None, int(total))

    def states(self, document_ids: Sequence[str]) -> dict[str, DocumentState]:
        """The states of the documents with unfinished or failed jobs; all others are ready."""
        query = "SELECT document_id, status FROM jobs WHERE status IN ('queued', 'running', 'failed') AND document_id IN"
        found = self._database.rows_by_key(query, document_ids)
        failed: dict[str, DocumentState] = {document_id: "failed" for document_id, _ in found}
        return failed | {document_id: "updating" for document_id, status in found if status != "failed"}

    def languages(self) -> list[tuple[str | None, int]]:
        """Languages with their numbers of documents, most frequent first; None stands for unknown."""
        return self._database.rows("SELECT language, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1")

    def _documents_by_number(self, numbers: Sequence[int]) -> list[StoredDocument]:
        """Undamaged documents in the order of `numbers`."""
        found = self._database.rows_by_key(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents WHERE number IN", numbers)
        read = self._read_each(rows.cached_document, ((number, tuple(row)) for number, *row in found))
        return [read[number] for number in numbers if number in read]


def _listing_sql(query: DocumentQuery) -> tuple[str, list[Scalar]]:
    """A condition on the table `documents`, named d, and the values to bind; no condition if all documents are selected."""
    conditions: list[str] = []
    values: list[Scalar] = []
    for word in query.title.casefold().split():
        conditions.append("(instr(d.title_key, ?) OR instr(lower(d.file_name), ?))")
        values += [word, word]
    for condition, value in (
        ("d.type = ?", query.type),
        ("d.date >= ?", query.date_from),
        ("d.date <= ?", f"{query.date_to}\x7f" if query.date_to else None),  # "2025-07" includes "2025-07-21"
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if query.state:
        conditions.append(_STATES[query.state])
    if query.allowed is not None:
        condition, bound = filter_sql(query.allowed)
        conditions.append(condition)
        values += bound
    return " AND ".join(conditions), values
