"""Documents, passages and vectors in one SQLite file: the one source of truth. Everything else is derived from it.

Every row carries a hash of its contents, because `PRAGMA integrity_check` does not see a flipped bit inside a value.
A write is one transaction, on disk (WAL, synchronous=FULL) before the call returns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from corpus.types import Document, Passage
from index import rows
from index.rows import CONTENT_COLUMNS, DOCUMENT_COLUMNS, PASSAGE_COLUMNS, StoredDocument, StoredPassage
from index.types import FingerprintMismatch, Ids, Matrix, NewerFormat, StoreError

FILE_NAME = "store.sqlite"
FORMAT = 1
APPLICATION_ID = 0x51544231  # "QTB1": tells our file from any other SQLite file
LEAST_SQLITE = 3051003  # 3.51.3; earlier ones can corrupt a WAL database when it is reset while being read
# A vector row (1.5 kB at 384 dimensions) stays on one page.
PAGE_BYTES = 8192
ROWS_AT_ONCE = 2000

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, source TEXT, url TEXT, date TEXT,
    type TEXT, language TEXT, version TEXT NOT NULL, metadata TEXT NOT NULL, hash BLOB NOT NULL,
    structure TEXT NOT NULL, text TEXT NOT NULL, structure_hash BLOB NOT NULL);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents(number), start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, page INTEGER, anchor TEXT, headings TEXT NOT NULL, context TEXT NOT NULL, text TEXT NOT NULL,
    hash BLOB NOT NULL);
CREATE INDEX passages_by_document ON passages(document);
CREATE TABLE vectors (
    fingerprint TEXT NOT NULL, passage INTEGER NOT NULL REFERENCES passages(id), vector BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (fingerprint, passage)) WITHOUT ROWID;
CREATE TABLE removed_passages (id INTEGER PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What a write did to the passages: those it brought (empty after a removal) and those it took away."""

    added: Ids
    removed: Ids


class Store:
    """One connection a thread. Writes are serialised; readers never wait for them."""

    def __init__(self, folder: Path, *, create: bool = False, read_only: bool = False) -> None:
        """Open the store in `folder`, which must be there. Raises NewerFormat or StoreError with the way out."""
        if apsw.SQLITE_VERSION_NUMBER < LEAST_SQLITE:
            raise StoreError(f"SQLite {apsw.sqlite_lib_version()} is too old; install apsw 3.51.3 or newer")
        self.path = folder / FILE_NAME
        self._flags = (
            apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        )
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._writing = threading.Lock()
        with self._translated():
            if create:
                self._create()
            self._check_format()

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

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
        (documents, passages), *_ = self._rows("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)")
        return documents, passages

    def last_passage_id(self) -> int:
        """The highest id ever given; ids rise and are never given twice."""
        found = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
        return found[0][0] if found else 0

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
    ) -> Change:
        """Store a document in place of any other with the same id, in one transaction.

        Raises FingerprintMismatch where the vectors are of another model than those that are there.
        """
        if len(passages) != len(vectors):
            raise ValueError(f"{len(passages)} passages with {len(vectors)} vectors")
        with self._transaction() as connection:
            self.check_fingerprint(fingerprint)
            connection.execute("INSERT OR IGNORE INTO facts VALUES ('fingerprint', ?)", (fingerprint,))
            removed = self._remove(connection, document_id)
            columns = f"{DOCUMENT_COLUMNS}, {CONTENT_COLUMNS}"
            number = _insert(connection, "documents", columns, rows.document_row(document_id, document, source))
            added = []
            for passage, vector in zip(passages, vectors, strict=True):
                passage_id = _insert(connection, "passages", PASSAGE_COLUMNS, rows.passage_row(number, passage))
                _insert(
                    connection,
                    "vectors",
                    "fingerprint, passage, vector, hash",
                    rows.vector_row(fingerprint, passage_id, vector),
                )
                added.append(passage_id)
        return Change(np.array(added, np.int64), removed)

    def remove(self, document_id: str) -> Change:
        """Remove a document and all that hangs on it; nothing happens where there is none."""
        with self._transaction() as connection:
            return Change(np.empty(0, np.int64), self._remove(connection, document_id))

    def document(self, document_id: str) -> StoredDocument | None:
        return next(iter(self._documents("WHERE id = ?", document_id)), None)

    def documents(self, after: str | None = None, limit: int = 100) -> list[StoredDocument]:
        """In the order of their ids, those after `after`."""
        return self._documents("WHERE id > ? ORDER BY id LIMIT ?", after or "", limit)

    def content(self, document_id: str) -> Document | None:
        """A document whole: text, headings, pages."""
        stored = self.document(document_id)
        if stored is None:
            return None
        row, *_ = self._rows(f"SELECT {CONTENT_COLUMNS} FROM documents WHERE number = ?", stored.number)
        return rows.content(stored, row)

    # Passages

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        """Those of the ids that are still there, in their order."""
        found = self._rows(f"SELECT id, {PASSAGE_COLUMNS} FROM passages WHERE id IN ({_marks(ids)})", *ids)
        numbers = sorted({number for _, number, *_ in found})
        documents = {d.number: d for d in self._documents(f"WHERE number IN ({_marks(numbers)})", *numbers)}
        by_id = {i: StoredPassage(i, documents[row[0]], rows.passage(i, row)) for i, *row in found if row[0] in documents}
        return [by_id[i] for i in ids if i in by_id]

    def passage_ids(self, document_id: str) -> Ids:
        found = self._rows(
            "SELECT p.id FROM passages p JOIN documents d ON p.document = d.number WHERE d.id = ? ORDER BY p.id", document_id
        )
        return np.array([i for (i,) in found], np.int64)

    def passages_since(self, passage_id: int, fingerprint: str) -> Iterator[tuple[Ids, list[str], Matrix]]:
        """Ids, searchable texts and vectors of all passages with a higher id, in rising order, some thousand at a time."""
        columns = ", ".join(f"p.{column.strip()}" for column in PASSAGE_COLUMNS.split(","))
        while True:
            found = self._rows(
                f"SELECT p.id, v.vector, v.hash, {columns} FROM passages p "
                "JOIN vectors v ON v.passage = p.id AND v.fingerprint = ? WHERE p.id > ? ORDER BY p.id LIMIT ?",
                fingerprint,
                passage_id,
                ROWS_AT_ONCE,
            )
            if not found:
                return
            passage_id = found[-1][0]
            yield (
                np.array([i for i, *_ in found], np.int64),
                [rows.passage(i, row).searchable_text for i, _, _, *row in found],
                np.stack([rows.vector(fingerprint, i, data, stored_hash) for i, data, stored_hash, *_ in found]),
            )

    def removed_passages(self, up_to: int) -> Ids:
        """Ids of removed passages that an index built when `up_to` was the last id may still hold."""
        return np.array(
            [row[0] for row in self._rows("SELECT id FROM removed_passages WHERE id <= ? ORDER BY id", up_to)], np.int64
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
        found = self._rows(f"SELECT number, {DOCUMENT_COLUMNS} FROM documents {condition}", *values)
        return [rows.stored_document(number, row) for number, *row in found]

    def _fact(self, name: str) -> str | None:
        found = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None

    def _create(self) -> None:
        connection = self._connection()
        if connection.pragma("application_id") or connection.execute("SELECT count(*) FROM sqlite_schema").get:
            return
        connection.pragma("page_size", PAGE_BYTES)
        connection.pragma("journal_mode", "wal")
        with self._transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO facts VALUES ('identity', lower(hex(randomblob(16))))")
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", FORMAT)

    def _check_format(self) -> None:
        connection = self._connection()
        if connection.pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{self.path} is not a Quotable store; name another data folder")
        written = connection.pragma("user_version")
        if written > FORMAT:
            raise NewerFormat(
                f"{self.path} has format {written}, this version reads up to {FORMAT}: install the version that wrote it, or a newer one"
            )

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = apsw.Connection(str(self.path), flags=self._flags)
            connection.set_busy_timeout(10_000)
            connection.pragma("synchronous", "full")
            connection.pragma("foreign_keys", True)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._translated():
            return list(self._connection().execute(statement, values))

    @contextmanager
    def _transaction(self) -> Iterator[apsw.Connection]:
        with self._writing, self._translated():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except apsw.CantOpenError as error:
            raise StoreError(f"cannot open {self.path}: is the folder there, and may this user read and write it?") from error
        except apsw.NotADBError as error:
            raise StoreError(f"{self.path} is not a Quotable store; name another data folder, or restore a backup") from error
        except apsw.ReadOnlyError as error:
            raise StoreError(f"{self.path} cannot be written by this user") from error
        except apsw.FullError as error:
            raise StoreError(f"the disk of {self.path} is full; free some space and try again") from error
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error


def _insert(connection: apsw.Connection, table: str, columns: str, row: tuple[Any, ...]) -> int:
    """The number that the row was given."""
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({_marks(row)})", row)
    return connection.last_insert_rowid()


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
