"""Documents, passages and vectors: the one source of truth. Everything else is derived from it.

Every row carries a hash of its contents, because `PRAGMA integrity_check` does not see a flipped bit inside a value. A row that is not
what was written is withheld where several are read, and reported (`Damage`); where it alone is asked for, DamagedRow is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import apsw
import numpy as np

from corpus.types import Document, Passage
from index.embedded.read_write_lock import ReadWriteLock
from index.embedded.store import rows
from index.embedded.store.database import Database, insert, next_number, placeholders
from index.embedded.store.filtered_documents import FilteredDocuments
from index.embedded.store.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, PASSAGE_COLUMNS, VECTOR_COLUMNS
from index.types import DamagedRow, FingerprintMismatch, Ids, IndexedText, Matrix, StoredDocument, StoredPassage, Vector

ROWS_AT_ONCE = 2000
MAX_ID = 2**63 - 1  # SQLite's largest integer

Read = TypeVar("Read")


class Store:
    """The documents of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.filtered = FilteredDocuments(database)
        # A search takes one, and so does a replacement or removal until the indexes know of it: else a search could find neither
        # the old document nor the new, or half of one.
        self.turns = ReadWriteLock()

    # Facts about the whole

    @property
    def folder(self) -> Path:
        return self._database.path.parent

    @property
    def identity(self) -> str:
        """Given when the store was made; an index of another store is known by it."""
        return self._fact("identity") or ""

    @property
    def fingerprint(self) -> str | None:
        """The model whose vectors are searched; None while nothing was ever stored."""
        return self._fact("fingerprint")

    @property
    def changes(self) -> int:
        """How many times a document was stored or removed: an index that knows of more was not built from this store as it is now."""
        return int(self._fact("changes") or 0)

    @property
    def damaged(self) -> bool:
        """Whether anything was found that is not what was written; `qa check` says what."""
        return bool(self._database.damage.found)

    def counts(self) -> tuple[int, int]:
        """Documents and passages, as they were counted when they were stored."""
        return int(self._fact("documents") or 0), int(self._fact("passages") or 0)

    def last_passage_id(self) -> int:
        """The highest id ever given; ids rise and are never given twice."""
        found = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
        return found[0][0] if found else 0

    def passages_after(self, passage_id: int) -> int:
        """How many passages have a higher id."""
        ((count,),) = self._database.rows("SELECT count(*) FROM passages WHERE id > ?", passage_id)
        return int(count)

    def passages_in(self, after: int, last: int) -> int:
        """How many passages have ids above `after` and up to `last`."""
        ((count,),) = self._database.rows("SELECT count(*) FROM passages WHERE id > ? AND id <= ?", after, last)
        return int(count)

    def languages(self) -> list[tuple[str | None, int]]:
        """The documents' languages and how many documents are in each, the commonest first; None where it could not be told."""
        return self._database.rows("SELECT language, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1")

    @property
    def model(self) -> str | None:
        """What the model is called whose vectors are searched."""
        return self._fact("model")

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raise FingerprintMismatch where the store holds vectors of another model."""
        if self.fingerprint not in (None, fingerprint) and self.last_passage_id():
            raise FingerprintMismatch(
                f"the store holds vectors of another embedding model ({self.model or 'unnamed'}, {self.fingerprint}) than the"
                f" configured one ({fingerprint}); set the model back, or run `qa rebuild --model NAME` with the new one's name"
            )

    def set_model(self, fingerprint: str, model: str) -> None:
        """From now on the vectors of this model are searched, in one step."""
        with self._database.transaction() as connection:
            facts = {"fingerprint": fingerprint, "model": model}
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    # Documents

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
        """Store a document in place of any other with the same id, in one transaction.

        `source` is where it was read from, and `source_hash` the SHA-256 of what was read there.
        The ids of the passages that were taken away with the other. Raises FingerprintMismatch where the vectors are of another
        model than those that are there.
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
            _count(connection, documents=1, passages=len(passages))
        return removed

    def remove(self, document_id: str) -> Ids:
        """Remove a document and all that hangs on it; the ids of its passages, none where there is no such document."""
        with self._database.transaction() as connection:
            return self._remove(connection, document_id)

    def update_source(self, document_id: str, source: str | None, source_hash: str | None) -> None:
        """Say where a document was read from last, without changing anything else of it."""
        stored = self.document(document_id)
        if stored is None or (stored.source, stored.source_hash) == (source, source_hash):
            return
        head = rows.document_head(replace(stored, source=source, source_hash=source_hash))
        with self._database.transaction() as connection:
            columns = f"({DOCUMENT_COLUMNS}) = ({placeholders(head)})"
            connection.execute(f"UPDATE documents SET {columns} WHERE number = ?", (*head, stored.number))
        self.filtered.forget()

    def has_document(self, document_id: str) -> bool:
        """Whether there is a document with this id, damaged or not."""
        return bool(self._database.rows("SELECT 1 FROM documents WHERE id = ?", document_id))

    def document(self, document_id: str) -> StoredDocument | None:
        """Raises DamagedRow."""
        found = self._database.rows(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents WHERE id = ?", document_id)
        return self._reported(rows.stored_document, found[0][0], found[0][1:]) if found else None

    def documents(self, after: str | None = None, limit: int = 100) -> list[StoredDocument]:
        """In the order of their ids, the first `limit` whole ones after `after`."""
        found: list[StoredDocument] = []
        query = "SELECT id, number FROM documents WHERE id > ? ORDER BY id LIMIT ?"
        for some in self._database.batches(query, after or "", min(limit, ROWS_AT_ONCE)):
            found += self._numbered([number for _, number in some])
            if len(found) >= limit:
                break
        return found[:limit]

    def content(self, document_id: str) -> Document | None:
        """A document whole: text, headings, pages. Raises DamagedRow."""
        found = self._database.rows(
            f"SELECT {CONTENT_COLUMNS}, number, {DOCUMENT_COLUMNS} FROM documents WHERE id = ?", document_id
        )
        for structure, text, structure_hash, number, *row in found:
            stored = self._reported(rows.stored_document, number, row)
            return self._reported(rows.content, stored, (structure, text, structure_hash))
        return None

    def is_intact(self, document_id: str) -> bool:
        """Whether all passages of a document and their vectors are what was written."""
        ids = self.passage_ids(document_id).tolist()
        return len(self.passages(ids)) == len(self.vectors(ids, self.fingerprint or "")) == len(ids)

    def documents_from(self, source: str) -> list[StoredDocument]:
        """What was read from this source, in the order of their ids."""
        return self._documents("WHERE source = ? ORDER BY id", source)

    def sources(self, prefix: str) -> set[str]:
        """The sources that begin with `prefix`."""
        found = self._database.rows("SELECT DISTINCT source FROM documents WHERE substr(source, 1, ?) = ?", len(prefix), prefix)
        return {source for (source,) in found}

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        """The id of another document than `but` with the same text, if there is one."""
        found = self._database.rows(
            "SELECT id FROM documents WHERE version = ? AND id != ? ORDER BY id LIMIT 1", version, excluding
        )
        return found[0][0] if found else None

    # Passages

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        """Those of the ids that are still there and whole, in their order."""
        found = self._database.rows_by_key(f"SELECT id, {PASSAGE_COLUMNS} FROM passages WHERE id IN", ids)
        self._report_missing(ids, {i for i, *_ in found})
        read = self._whole((rows.known_passage, i, tuple(row)) for i, *row in found)
        numbers = {i: number for i, number, *_ in found if i in read}
        documents = {document.number: document for document in self._numbered(sorted(set(numbers.values())))}
        by_id = {i: StoredPassage(i, documents[numbers[i]], passage) for i, passage in read.items() if numbers[i] in documents}
        return [by_id[i] for i in ids if i in by_id]

    def passages_of(self, document_id: str) -> list[StoredPassage]:
        """All passages of a document that are whole, in the order of its text. Raises DamagedRow where the document is not."""
        document = self.document(document_id)
        if document is None:
            return []
        ids = [i for (i,) in self._database.rows("SELECT id FROM passages WHERE document = ? ORDER BY id", document.number)]
        return self.passages(ids)

    def vectors(self, ids: Sequence[int], fingerprint: str) -> dict[int, Vector]:
        """Those of the passages' vectors by this model that are there and whole."""
        query = "SELECT passage, vector, hash FROM vectors WHERE fingerprint = ? AND passage IN"
        found = self._database.rows_by_key(query, ids, fingerprint)
        return self._whole((_vector_of, i, (fingerprint, data, stored_hash)) for i, data, stored_hash in found)

    def put_vectors(self, fingerprint: str, vectors: Mapping[int, Vector]) -> None:
        """Of passages that are stored, in place of what is there of the same model."""
        with self._database.transaction() as connection:
            new = [rows.vector_row(fingerprint, i, vector) for i, vector in vectors.items()]
            connection.executemany(f"INSERT OR REPLACE INTO vectors ({VECTOR_COLUMNS}) VALUES (?, ?, ?, ?)", new)

    def fingerprints(self) -> list[str]:
        """Of all models that there are vectors of."""
        # One look-up a model; DISTINCT would go through all vectors.
        query = (
            "WITH RECURSIVE known(f) AS (SELECT min(fingerprint) FROM vectors UNION ALL"
            " SELECT (SELECT min(fingerprint) FROM vectors WHERE fingerprint > f) FROM known WHERE f IS NOT NULL)"
            " SELECT f FROM known WHERE f IS NOT NULL"
        )
        return [fingerprint for (fingerprint,) in self._database.rows(query)]

    def drop_vectors(self, fingerprint: str) -> None:
        """Of a model that is not searched."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM vectors WHERE fingerprint = ?", (fingerprint,))

    def ids_in_batches(self) -> Iterator[list[int]]:
        """All passage ids in rising order, some thousand at a time."""
        return self._ids_after(0)

    def passage_counts(self, numbers: Sequence[int]) -> dict[int, int]:
        """How many passages each document (by its number) has."""
        query = f"SELECT document, count(*) FROM passages WHERE document IN ({placeholders(numbers)}) GROUP BY document"
        return dict(self._database.rows(query, *numbers))

    def passage_ids(self, document_id: str) -> Ids:
        found = self._database.rows(
            "SELECT p.id FROM passages p JOIN documents d ON p.document = d.number WHERE d.id = ? ORDER BY p.id", document_id
        )
        return np.array([i for (i,) in found], np.int64)

    def passages_since(self, passage_id: int, fingerprint: str) -> Iterator[tuple[Ids, list[IndexedText], Matrix]]:
        """Ids, texts and vectors of all whole passages with a higher id, in rising order, some thousand at a time."""
        columns = ", ".join(f"p.{column.strip()}" for column in PASSAGE_COLUMNS.split(","))
        # LEFT JOIN: a passage that lost its vector to damage must be noticed, not passed over.
        query = (
            f"SELECT p.id, v.vector, v.hash, {columns} FROM passages p "
            "LEFT JOIN vectors v ON v.passage = p.id AND v.fingerprint = ? WHERE p.id IN"
        )
        for ids in self._ids_after(passage_id):
            found = self._database.rows_by_key(query, ids, fingerprint)
            titles = {
                document.number: document.title
                for document in self._numbered(sorted({row[3] for row in found if isinstance(row[3], int)}))
            }
            vectors = self._whole((_vector_of, i, (fingerprint, data, stored)) for i, data, stored, *_ in found)
            texts = self._whole((_searched, i, (titles.get(row[0]), *row)) for i, _, _, *row in found)
            whole = [i for i in ids if i in vectors and i in texts]
            if whole:
                yield np.array(whole, np.int64), [texts[i] for i in whole], np.stack([vectors[i] for i in whole])

    def removed_passages(self, after: int = 0, up_to: int = MAX_ID) -> Ids:
        """Ids of removed passages above `after` and up to `up_to` that a generation on disk may still hold, ascending."""
        query = "SELECT id FROM removed_passages WHERE id > ? AND id <= ? ORDER BY id"
        return np.array([i for (i,) in self._database.rows(query, after, up_to)], np.int64)

    def purge_removed_passages(self, ids: Ids) -> None:
        """Forget removed passages that no generation holds any more."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM removed_passages WHERE id = ?", ((i,) for i in ids.tolist()))

    # Inside

    def _remove(self, connection: apsw.Connection, document_id: str) -> Ids:
        ids = self.passage_ids(document_id)
        # Named, so that the vectors are found by their key rather than looked through.
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
            _count(connection, documents=-1, passages=-len(ids))
        return ids

    def _ids_after(self, passage_id: int) -> Iterator[list[int]]:
        query = "SELECT id FROM passages WHERE id > ? ORDER BY id LIMIT ?"
        for found in self._database.batches(query, passage_id, ROWS_AT_ONCE):
            yield [i for (i,) in found]

    def _documents(self, condition: str, *values: Any) -> list[StoredDocument]:
        return self._numbered(
            [number for (number,) in self._database.rows(f"SELECT number FROM documents {condition}", *values)]
        )

    def _numbered(self, numbers: Sequence[int]) -> list[StoredDocument]:
        """The documents with these numbers that are whole, in their order."""
        found = self._database.rows_by_key(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents WHERE number IN", numbers)
        read = self._whole((rows.known_document, number, tuple(row)) for number, *row in found)
        return [read[number] for number in numbers if number in read]

    def _whole(self, reading: Iterable[tuple[Callable[[int, Any], Read], int, Sequence[Any]]]) -> dict[int, Read]:
        """Number -> what its row says; damaged rows are left out, and reported."""
        read: dict[int, Read] = {}
        for function, number, row in reading:
            try:
                read[number] = function(number, row)
            except DamagedRow as damage:
                self._database.damage.report(str(damage))
        return read

    def _reported(self, function: Callable[..., Read], *values: Any) -> Read:
        try:
            return function(*values)
        except DamagedRow as damage:
            self._database.damage.report(str(damage))
            raise

    def _report_missing(self, ids: Sequence[int], found: Collection[int]) -> None:
        """Report passages that were lost: a removal deletes the vector too, so a vector without its passage means damage."""
        missing = [i for i in ids if i not in found]
        if missing:
            query = "SELECT passage FROM vectors WHERE fingerprint = ? AND passage IN"
            for (i,) in self._database.rows_by_key(query, missing, self.fingerprint or ""):
                self._database.damage.report(f"the stored passage {i} is missing")

    def _fact(self, name: str) -> str | None:
        found = self._database.rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None


def _count(connection: apsw.Connection, documents: int, passages: int) -> None:
    changed = {"changes": 1, "documents": documents, "passages": passages}
    connection.executemany("UPDATE facts SET value = value + ? WHERE name = ?", [(by, name) for name, by in changed.items()])


def indexed_text(title: str, passage: Passage, number: int) -> IndexedText:
    """What the lexical index reads of a passage of a document with this title and number."""
    return IndexedText(title, "\n".join((*passage.headings, passage.text)), number)


def _searched(passage_id: int, row: Sequence[Any]) -> IndexedText:
    """From the document's title and PASSAGE_COLUMNS."""
    title, *columns = row
    passage = rows.passage(passage_id, columns)
    if title is None:
        raise DamagedRow(f"the stored passage {passage_id} has lost its document; restore a backup")
    return indexed_text(title, passage, columns[0])


def _vector_of(passage_id: int, row: Sequence[Any]) -> Vector:
    fingerprint, data, stored_hash = row
    return rows.vector(fingerprint, passage_id, data, stored_hash)
