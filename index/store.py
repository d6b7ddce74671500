"""Documents, passages and vectors: the one source of truth. Everything else is derived from it.

Every row carries a hash of its contents, because `PRAGMA integrity_check` does not see a flipped bit inside a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import apsw
import numpy as np

from corpus.types import Document, Passage
from index import filters, rows
from index.database import Database, insert, marks
from index.filters import Filter
from index.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, PASSAGE_COLUMNS, StoredDocument, StoredPassage
from index.turns import Turns
from index.types import FingerprintMismatch, Ids, Matrix, SearchedText

ROWS_AT_ONCE = 2000


class Store:
    """The documents of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A search takes one, and so does a replacement or removal until the indexes know of it: else a search could find neither
        # the old document nor the new, or half of one.
        self.turns = Turns()

    # Facts about the whole

    @property
    def identity(self) -> str:
        """Given when the store was made; an index of another store is known by it."""
        return self._fact("identity") or ""

    @property
    def fingerprint(self) -> str | None:
        """The model whose vectors are searched; None while nothing was ever stored."""
        return self._fact("fingerprint")

    def counts(self) -> tuple[int, int]:
        """Documents and passages."""
        (documents, passages), *_ = self._database.rows(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        )
        return documents, passages

    def last_passage_id(self) -> int:
        """The highest id ever given; ids rise and are never given twice."""
        found = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
        return found[0][0] if found else 0

    def passages_after(self, passage_id: int) -> int:
        """How many passages have a higher id."""
        ((count,),) = self._database.rows("SELECT count(*) FROM passages WHERE id > ?", passage_id)
        return int(count)

    def languages(self) -> list[tuple[str | None, int]]:
        """The documents' languages and how many documents are in each, the commonest first; None where it could not be told."""
        return self._database.rows("SELECT language, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1")

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raise FingerprintMismatch where the store holds vectors of another model."""
        if self.fingerprint not in (None, fingerprint):
            raise FingerprintMismatch(
                f"the store holds vectors of another embedding model ({self.fingerprint}) than the configured one ({fingerprint}); "
                "set the model back, or begin a new data folder"
            )

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
            connection.execute("INSERT OR IGNORE INTO facts VALUES ('fingerprint', ?)", (fingerprint,))
            removed = self._remove(connection, document_id)
            columns = f"{DOCUMENT_COLUMNS}, {CONTENT_COLUMNS}"
            number = insert(connection, "documents", columns, rows.document_row(document_id, document, source, source_hash))
            for passage, vector in zip(passages, vectors, strict=True):
                passage_id = insert(connection, "passages", PASSAGE_COLUMNS, rows.passage_row(number, passage))
                insert(
                    connection,
                    "vectors",
                    "fingerprint, passage, vector, hash",
                    rows.vector_row(fingerprint, passage_id, vector),
                )
        return removed

    def remove(self, document_id: str) -> Ids:
        """Remove a document and all that hangs on it; the ids of its passages, none where there is no such document."""
        with self._database.transaction() as connection:
            return self._remove(connection, document_id)

    def note_source(self, document_id: str, source: str | None, source_hash: str | None) -> None:
        """Say where a document was read from last, without changing anything else of it."""
        stored = self.document(document_id)
        if stored is None or (stored.source, stored.source_hash) == (source, source_hash):
            return
        head = rows.document_head(replace(stored, source=source, source_hash=source_hash))
        with self._database.transaction() as connection:
            columns = f"({DOCUMENT_COLUMNS}) = ({marks(head)})"
            connection.execute(f"UPDATE documents SET {columns} WHERE number = ?", (*head, stored.number))

    def document(self, document_id: str) -> StoredDocument | None:
        return next(iter(self._documents("WHERE id = ?", document_id)), None)

    def documents(self, after: str | None = None, limit: int = 100) -> list[StoredDocument]:
        """In the order of their ids, those after `after`."""
        return self._documents("WHERE id > ? ORDER BY id LIMIT ?", after or "", limit)

    def content(self, document_id: str) -> Document | None:
        """A document whole: text, headings, pages."""
        found = self._database.rows(
            f"SELECT {CONTENT_COLUMNS}, number, {DOCUMENT_COLUMNS} FROM documents WHERE id = ?", document_id
        )
        for structure, text, structure_hash, number, *row in found:
            return rows.content(rows.stored_document(number, row), (structure, text, structure_hash))
        return None

    def documents_from(self, source: str) -> list[StoredDocument]:
        """What was read from this source, in the order of their ids."""
        return self._documents("WHERE source = ? ORDER BY id", source)

    def sources(self, prefix: str) -> set[str]:
        """The sources that begin with `prefix`."""
        found = self._database.rows("SELECT DISTINCT source FROM documents WHERE substr(source, 1, ?) = ?", len(prefix), prefix)
        return {source for (source,) in found}

    def same_text(self, version: str, but: str) -> str | None:
        """The id of another document than `but` with the same text, if there is one."""
        found = self._database.rows("SELECT id FROM documents WHERE version = ? AND id != ? ORDER BY id LIMIT 1", version, but)
        return found[0][0] if found else None

    # Passages

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        """Those of the ids that are still there, in their order."""
        found = self._database.rows(f"SELECT id, {PASSAGE_COLUMNS} FROM passages WHERE id IN ({marks(ids)})", *ids)
        numbers = sorted({number for _, number, *_ in found})
        documents = {d.number: d for d in self._documents(f"WHERE number IN ({marks(numbers)})", *numbers)}
        read = [(i, row[0], rows.passage(i, row)) for i, *row in found]  # each is checked, also where its document is gone
        by_id = {i: StoredPassage(i, documents[number], passage) for i, number, passage in read if number in documents}
        return [by_id[i] for i in ids if i in by_id]

    def passages_of(self, document_id: str) -> list[StoredPassage]:
        """All passages of a document, in the order of its text."""
        document = self.document(document_id)
        if document is None:
            return []
        found = self._database.rows(
            f"SELECT id, {PASSAGE_COLUMNS} FROM passages WHERE document = ? ORDER BY id", document.number
        )
        return [StoredPassage(i, document, rows.passage(i, row)) for i, *row in found]

    def passage_counts(self, numbers: Sequence[int]) -> dict[int, int]:
        """How many passages each document (by its number) has."""
        query = f"SELECT document, count(*) FROM passages WHERE document IN ({marks(numbers)}) GROUP BY document"
        return dict(self._database.rows(query, *numbers))

    def passage_ids(self, document_id: str) -> Ids:
        found = self._database.rows(
            "SELECT p.id FROM passages p JOIN documents d ON p.document = d.number WHERE d.id = ? ORDER BY p.id", document_id
        )
        return np.array([i for (i,) in found], np.int64)

    def passages_since(self, passage_id: int, fingerprint: str) -> Iterator[tuple[Ids, list[SearchedText], Matrix]]:
        """Ids, texts and vectors of all passages with a higher id, in rising order, some thousand at a time."""
        columns = ", ".join(f"p.{column.strip()}" for column in PASSAGE_COLUMNS.split(","))
        while True:
            found = self._database.rows(
                # LEFT JOIN: a passage that lost its document or its vector to damage must be noticed, not passed over.
                f"SELECT p.id, v.vector, v.hash, d.title, {columns} FROM passages p LEFT JOIN documents d ON d.number = p.document "
                "LEFT JOIN vectors v ON v.passage = p.id AND v.fingerprint = ? WHERE p.id > ? ORDER BY p.id LIMIT ?",
                fingerprint,
                passage_id,
                ROWS_AT_ONCE,
            )
            if not found:
                return
            passage_id = found[-1][0]
            yield (
                np.array([i for i, *_ in found], np.int64),
                [_searched(title, row[0], rows.passage(i, row)) for i, _, _, title, *row in found],
                np.stack([rows.vector(fingerprint, i, data, stored_hash) for i, data, stored_hash, *_ in found]),
            )

    def allowed_passages(self, filter_: Filter) -> Ids:
        """The ids of all passages whose document the filter lets through, in rising order."""
        condition, values = filters.sql(filter_)
        query = f"SELECT p.id FROM documents d JOIN passages p ON p.document = d.number WHERE {condition} ORDER BY p.id"
        return np.array([i for (i,) in self._database.rows(query, *values)], np.int64)

    def facet(self, key: str, filter_: Filter | None, limit: int) -> list[tuple[str | int | float, int]]:
        """The values under a key (`year` is that of the date) with how many documents have each, the commonest first.

        A list in the metadata counts by its elements.
        """
        condition, values = filters.sql(filter_) if filter_ else ("1", [])
        if key == "year" or key in filters.FIELDS:
            value, tables, keys = ("substr(d.date, 1, 4)" if key == "year" else f"d.{key}"), "documents d", []
            truth = "0"
        else:
            tables = (
                "documents d JOIN json_each(d.metadata) m ON m.key = ?"
                " JOIN json_each(iif(m.type = 'array', m.value, json_array(m.value))) e"
            )
            value, truth, keys = "e.value", "m.type IN ('true', 'false')", [key]
        query = (
            f"SELECT {value}, {truth}, count(DISTINCT d.number) FROM {tables} WHERE {value} IS NOT NULL AND {condition}"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?"
        )
        found = self._database.rows(query, *keys, *values, limit)
        return [(bool(value) if is_truth else value, count) for value, is_truth, count in found]

    def removed_passages(self, up_to: int) -> Ids:
        """Ids of removed passages that an index built when `up_to` was the last id may still hold."""
        return np.array(
            [row[0] for row in self._database.rows("SELECT id FROM removed_passages WHERE id <= ? ORDER BY id", up_to)],
            np.int64,
        )

    # Inside

    def _remove(self, connection: apsw.Connection, document_id: str) -> Ids:
        ids = self.passage_ids(document_id)
        of_document = "(SELECT id FROM passages WHERE document = (SELECT number FROM documents WHERE id = ?))"
        for statement in (
            f"INSERT INTO removed_passages SELECT id FROM {of_document}",
            f"DELETE FROM vectors WHERE passage IN {of_document}",
            f"DELETE FROM passages WHERE id IN {of_document}",
            "DELETE FROM documents WHERE id = ?",
        ):
            connection.execute(statement, (document_id,))
        return ids

    def _documents(self, condition: str, *values: Any) -> list[StoredDocument]:
        found = self._database.rows(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents {condition}", *values)
        return [rows.stored_document(number, row) for number, *row in found]

    def _fact(self, name: str) -> str | None:
        found = self._database.rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None


def _searched(title: str, number: int, passage: Passage) -> SearchedText:
    return SearchedText(title, "\n".join((*passage.headings, passage.text)), number)
