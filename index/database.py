"""The one SQLite file: how it is made, opened, read and written. What is in it: `store.py` (documents), `jobs.py` (work to do).

A write is one transaction, on disk (WAL, synchronous=FULL) before it returns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from index.types import NewerFormat, StorageFull, StoreError

FILE_NAME = "store.sqlite"
FORMAT = 1
APPLICATION_ID = 0x51544231  # "QTB1": tells our file from any other SQLite file
LEAST_SQLITE = 3051003  # 3.51.3; earlier ones can corrupt a WAL database when it is reset while being read
PAGE_BYTES = 8192  # so that a row with a vector (1.5 kB at 384 dimensions) stays on one page

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, source TEXT, source_hash TEXT, url TEXT,
    date TEXT, type TEXT, language TEXT, version TEXT NOT NULL, metadata TEXT NOT NULL, hash BLOB NOT NULL,
    structure TEXT NOT NULL, text TEXT NOT NULL, structure_hash BLOB NOT NULL);
CREATE INDEX documents_by_source ON documents(source);
CREATE INDEX documents_by_version ON documents(version);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents(number), start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, page INTEGER, anchor TEXT, headings TEXT NOT NULL, context TEXT NOT NULL, text TEXT NOT NULL,
    hash BLOB NOT NULL);
CREATE INDEX passages_by_document ON passages(document);
CREATE TABLE vectors (
    fingerprint TEXT NOT NULL, passage INTEGER NOT NULL REFERENCES passages(id), vector BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (fingerprint, passage)) WITHOUT ROWID;
CREATE TABLE removed_passages (id INTEGER PRIMARY KEY);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, status TEXT NOT NULL, document_id TEXT NOT NULL, name TEXT NOT NULL,
    body BLOB, hash BLOB NOT NULL,
    documents INTEGER NOT NULL DEFAULT 0, failures TEXT NOT NULL DEFAULT '[]', created TEXT NOT NULL, finished TEXT);
CREATE INDEX jobs_by_status ON jobs(status, id);
"""


class Database:
    """One connection a thread. Writes are serialised; readers never wait for them."""

    def __init__(self, folder: Path, *, create: bool = False, read_only: bool = False) -> None:
        """Open the file in `folder`, which must be there. Raises NewerFormat or StoreError with the way out."""
        if apsw.SQLITE_VERSION_NUMBER < LEAST_SQLITE:
            raise StoreError(f"SQLite {apsw.sqlite_lib_version()} is too old; install apsw 3.51.3 or newer")
        self.path = folder / FILE_NAME
        write = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        self._flags = apsw.SQLITE_OPEN_READONLY if read_only else write
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._writing = threading.RLock()
        with self._translated():
            if create:
                self._create()
            self._check_format()

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a SELECT."""
        with self._translated():
            return list(self._connection().execute(statement, values))

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All that is written inside is kept, on disk, or none of it is. One inside another is part of the outer one."""
        with self._writing, self._translated():
            connection = self._connection()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _create(self) -> None:
        connection = self._connection()
        if connection.pragma("application_id") or connection.execute("SELECT count(*) FROM sqlite_schema").get:
            return
        connection.pragma("page_size", PAGE_BYTES)
        connection.pragma("journal_mode", "wal")
        with self.transaction() as connection:
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
            raise StorageFull(f"the disk of {self.path} is full; free some space and try again") from error
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error


def insert(connection: apsw.Connection, table: str, columns: str, row: Sequence[Any]) -> int:
    """The number that the row was given."""
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks(row)})", row)
    return connection.last_insert_rowid()


def marks(values: Sequence[Any]) -> str:
    """Question marks to bind that many values."""
    return ",".join("?" * len(values))
