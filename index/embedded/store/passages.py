"""Reading passages, reading and writing their vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from corpus.types import Passage
from index.embedded.store import rows
from index.embedded.store.documents import ROWS_AT_ONCE, Documents
from index.embedded.store.facts import Facts
from index.embedded.store.rows import PASSAGE_COLUMNS, VECTOR_COLUMNS
from index.embedded.store.sql import placeholders
from index.types import DamagedRow, Ids, IndexedText, Matrix, StoredDocument, StoredPassage, Vector

MAX_PASSAGES = 10_000_000  # of one document, far more than can be stored
MAX_ID = 2**63 - 1  # SQLite's largest integer


class Passages(Facts, Documents):
    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        """The stored, undamaged passages among `ids`, in their order."""
        with self._database.reading():
            found = self._database.rows_by_key(f"SELECT id, {PASSAGE_COLUMNS} FROM passages WHERE id IN", ids)
            self._report_missing(ids, {i for i, *_ in found})
            read = self._read_each(rows.cached_passage, ((i, tuple(row)) for i, *row in found))
            numbers = {i: number for i, number, *_ in found if i in read}
            documents = {document.number: document for document in self._documents_by_number(sorted(set(numbers.values())))}
        by_id = {i: StoredPassage(i, documents[numbers[i]], passage) for i, passage in read.items() if numbers[i] in documents}
        return [by_id[i] for i in ids if i in by_id]

    def passages_of(self, document_id: str) -> list[StoredPassage]:
        """Undamaged passages of a document, in text order. Raises DamagedRow if the document itself is damaged."""
        with self._database.reading():
            return self.passages(self.passage_ids(document_id).tolist()) if self.document(document_id) else []

    def passage_ids(self, document_id: str) -> Ids:
        query = "SELECT p.id FROM passages p JOIN documents d ON p.document = d.number WHERE d.id = ? ORDER BY p.id"
        return np.array([i for (i,) in self._database.rows(query, document_id)], np.int64)

    def ids_in_batches(self, after: int = 0) -> Iterator[list[int]]:
        """Passage ids above `after`, ascending."""
        query = "SELECT id FROM passages WHERE id > ? ORDER BY id LIMIT ?"
        for found in self._database.batches(query, after, ROWS_AT_ONCE):
            yield [i for (i,) in found]

    def is_intact(self, document_id: str) -> bool:
        """Whether all passages of a document and their vectors are undamaged."""
        with self._database.reading():
            ids = self.passage_ids(document_id).tolist()
            return len(self.passages(ids)) == len(self.vectors(ids, self.fingerprint or "")) == len(ids)

    def passages_after(self, passage_id: int) -> int:
        """Number of passages with a higher id."""
        return self.passages_in(passage_id, MAX_ID)

    def passages_in(self, after: int, last: int) -> int:
        """Number of passages with ids above `after` and up to `last`."""
        ((count,),) = self._database.rows("SELECT count(*) FROM passages WHERE id > ? AND id <= ?", after, last)
        return int(count)

    def passage_counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        """The number of passages of each document that has any."""
        query = (
            "SELECT d.id, count(*) FROM documents d JOIN passages p ON p.document = d.number"
            f" WHERE d.id IN ({placeholders(document_ids)}) GROUP BY d.number"
        )
        return dict(self._database.rows(query, *document_ids))

    def passages_since(self, passage_id: int, fingerprint: str) -> Iterator[tuple[Ids, list[IndexedText], Matrix]]:
        """Batches of ids, texts and vectors of the undamaged passages with a higher id, ascending."""
        columns = ", ".join(f"p.{column.strip()}" for column in PASSAGE_COLUMNS.split(","))
        # LEFT JOIN, so that a passage that lost its vector is reported.
        query = (
            f"SELECT p.id, v.vector, v.hash, {columns} FROM passages p "
            "LEFT JOIN vectors v ON v.passage = p.id AND v.fingerprint = ? WHERE p.id IN"
        )
        for ids in self.ids_in_batches(passage_id):
            with self._database.reading():
                found = self._database.rows_by_key(query, ids, fingerprint)
                numbers = sorted({row[3] for row in found if isinstance(row[3], int)})
                documents = {document.number: document for document in self._documents_by_number(numbers)}
            vectors = self._read_each(_vector, ((i, (fingerprint, data, stored)) for i, data, stored, *_ in found))
            texts = self._read_each(_indexed_text, ((i, (documents.get(row[0]), *row)) for i, _, _, *row in found))
            intact = [i for i in ids if i in vectors and i in texts]
            if intact:
                yield np.array(intact, np.int64), [texts[i] for i in intact], np.stack([vectors[i] for i in intact])

    def vectors(self, ids: Sequence[int], fingerprint: str) -> dict[int, Vector]:
        """Undamaged vectors of these passages by one model."""
        query = "SELECT passage, vector, hash FROM vectors WHERE fingerprint = ? AND passage IN"
        found = self._database.rows_by_key(query, ids, fingerprint)
        return self._read_each(_vector, ((i, (fingerprint, data, stored_hash)) for i, data, stored_hash in found))

    def put_vectors(self, fingerprint: str, vectors: Mapping[int, Vector]) -> None:
        """Store vectors by passage id, replacing those of the same model."""
        with self._database.transaction() as connection:
            new = [rows.vector_row(fingerprint, i, vector) for i, vector in vectors.items()]
            connection.executemany(f"INSERT OR REPLACE INTO vectors ({VECTOR_COLUMNS}) VALUES (?, ?, ?, ?)", new)

    def drop_vectors(self, fingerprint: str) -> None:
        """Delete all vectors of a model."""
        some = f"SELECT passage FROM vectors WHERE fingerprint = ?1 LIMIT {ROWS_AT_ONCE}"
        deleted = ROWS_AT_ONCE
        while deleted:  # in short transactions, for which other processes wait
            with self._database.transaction() as connection:
                connection.execute(f"DELETE FROM vectors WHERE fingerprint = ?1 AND passage IN ({some})", (fingerprint,))
                deleted = connection.changes()

    def fingerprints(self) -> list[str]:
        """Fingerprints of all models with stored vectors."""
        # One look-up per model; DISTINCT would scan all vectors.
        query = (
            "WITH RECURSIVE known(f) AS (SELECT min(fingerprint) FROM vectors UNION ALL"
            " SELECT (SELECT min(fingerprint) FROM vectors WHERE fingerprint > f) FROM known WHERE f IS NOT NULL)"
            " SELECT f FROM known WHERE f IS NOT NULL"
        )
        return [fingerprint for (fingerprint,) in self._database.rows(query)]

    def removed_passages(self, after: int = 0, up_to: int = MAX_ID) -> Ids:
        """Ids of removed passages above `after` and up to `up_to` that a generation on disk may still hold, ascending."""
        query = "SELECT id FROM removed_passages WHERE id > ? AND id <= ? ORDER BY id"
        return np.array([i for (i,) in self._database.rows(query, after, up_to)], np.int64)

    def removed_by_changes(self, after: int, up_to: int) -> Ids | None:
        """Ids removed by the changes above `after` and up to `up_to`, ascending; None if the log does not have all these changes."""
        found = self._database.rows("SELECT first, last FROM change_log WHERE change > ? AND change <= ?", after, up_to)
        if len(found) < up_to - after or not all(_is_span(*span) for span in found):
            return None
        return np.unique(
            np.concatenate([np.empty(0, np.int64), *(np.arange(first, last + 1) for first, last in found if last)])
        )

    def purge_removed_passages(self, ids: Ids) -> None:
        """Forget removed passages that no generation holds any more."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM removed_passages WHERE id = ?", ((i,) for i in ids.tolist()))

    def _report_missing(self, ids: Sequence[int], found: Collection[int]) -> None:
        """Report lost passages. A removal deletes the vector too, so a vector without its passage means damage."""
        missing = [i for i in ids if i not in found]
        if missing:
            query = "SELECT passage FROM vectors WHERE fingerprint = ? AND passage IN"
            for (i,) in self._database.rows_by_key(query, missing, self.fingerprint or ""):
                self._database.damage.report(f"the stored passage {i} is missing")


def _is_span(first: Any, last: Any) -> bool:
    """Whether these can be the passages of a document; a damaged row may hold anything."""
    return isinstance(first, int) and isinstance(last, int) and 0 <= last - first < MAX_PASSAGES


def indexed_text(document: StoredDocument, passage: Passage) -> IndexedText:
    """What the lexical index reads of a passage."""
    return IndexedText(document.title, "\n".join((*passage.headings, passage.text)), document.number, document.language)


def _indexed_text(passage_id: int, row: Sequence[Any]) -> IndexedText:
    """From the document and PASSAGE_COLUMNS."""
    document, *columns = row
    passage = rows.passage(passage_id, columns)
    if document is None:
        raise DamagedRow(f"the document of the stored passage {passage_id} is missing; restore a backup")
    return indexed_text(document, passage)


def _vector(passage_id: int, row: Sequence[Any]) -> Vector:
    fingerprint, data, stored_hash = row
    return rows.vector(fingerprint, passage_id, data, stored_hash)
