"""The one SQLite file: how it is made, opened, read and written. What is in it: `store.py` (documents), `jobs.py` (work to do).

A write is one transaction, on disk (WAL, synchronous=FULL) before it returns. Every page has a checksum; what is found damaged is
reported in `damage`, and what can still be read is read: the hashes of the rows tell what of it may be shown.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw

from index.embedded.folder_lock import is_held
from index.embedded.integrity import write_ahead_log
from index.embedded.store.damage import DamageLog
from index.embedded.store.page_checksums import PAGE_BYTES, RESERVED_BYTES, ChecksumVFS
from index.types import DamagedRow, NewerFormat, StorageFull, StoreError

log = logging.getLogger(__name__)

FILE_NAME = "store.sqlite"
LOG_FILE = f"{FILE_NAME}-wal"
FORMAT = 2
CHECKED_FROM = 2  # the first format whose pages have checksums
PAGES_BETWEEN_CHECKPOINTS = 1_000
CACHE_KIB = 8_192  # of a connection, in thousands of bytes; a page that is in it is not read, and checked, again
APPLICATION_ID = 0x51544231  # "QTB1": tells our file from any other SQLite file
LEAST_SQLITE = 3051003  # 3.51.3; earlier ones can corrupt a WAL database when it is reset while being read

# All that filters and facets ask for: they read it instead of the documents' texts.
FILTER_INDEX = "CREATE INDEX documents_filtered ON documents(date, type, language, id, title, source, url, metadata)"
_SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, source TEXT, source_hash TEXT, url TEXT,
    date TEXT, type TEXT, language TEXT, version TEXT NOT NULL, metadata TEXT NOT NULL, hash BLOB NOT NULL,
    structure TEXT NOT NULL, text TEXT NOT NULL, structure_hash BLOB NOT NULL);
CREATE INDEX documents_by_source ON documents(source);
CREATE INDEX documents_by_version ON documents(version);
{FILTER_INDEX};
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

    def __init__(
        self, folder: Path, *, create: bool = False, read_only: bool = False, file_name: str = FILE_NAME, vfs: str = ""
    ) -> None:
        """Open the file in `folder`, which must be there. `vfs`: the SQLite VFS below the checksums; "" is the default.

        Raises NewerFormat or StoreError with the way out.
        """
        if apsw.SQLITE_VERSION_NUMBER < LEAST_SQLITE:
            raise StoreError(f"SQLite {apsw.sqlite_lib_version()} is too old; install apsw 3.51.3 or newer")
        # SQLite tells of links by a code that apsw takes for an error where files are its own.
        self.path = (folder / file_name).resolve()
        self.damage = DamageLog(folder)
        self._files = ChecksumVFS(self._page_is_damaged, CHECKED_FROM, vfs)
        self.format = 0  # not known yet
        self._first_damaged: list[int] = []
        self.pages_between_checkpoints = PAGES_BETWEEN_CHECKPOINTS
        self._log_pages = 0
        write = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        self._flags = apsw.SQLITE_OPEN_READONLY if read_only else write
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._writing = threading.RLock()
        self.read_only = read_only
        if not read_only or not is_held(folder):
            self._check_log()
        try:
            with self._translate_errors():
                if create:
                    self._create()
                self.format = self._check_format()
            for page in self._first_damaged:
                self._page_is_damaged(page)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for connection in self._connections:
            # SQLite brings the log into the file as it closes; where it cannot, the log stays, and is read by the next process.
            with suppress(apsw.Error):
                connection.close()
        self._connections.clear()
        self._local = threading.local()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a SELECT. Raises DamagedRow where one of them cannot be read."""
        with self._translate_errors():
            return list(self._connection().execute(statement, values))

    def batches(self, statement: str, after: Any, size: int, *values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a SELECT that ends in `> ? ORDER BY … LIMIT ?`, some at a time; its first column is what it is ordered by."""
        while found := self.rows(statement, *values, after, size):
            if not _rise([after, *(row[0] for row in found)]):
                # In a damaged tree the order may turn back, and going on would never end.
                self.damage.report(f"rows of {self.path} are out of their order")
                return
            after = found[-1][0]
            yield found

    def rows_by_key(self, statement: str, keys: Sequence[Any], *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a SELECT that ends in `IN` with a place for `keys`; those that cannot be read are left out, and reported."""
        if not keys:
            return []
        try:
            return self.rows(f"{statement} ({placeholders(keys)})", *values, *keys)
        except DamagedRow:
            if len(keys) == 1:
                return []
            half = len(keys) // 2
            return [*self.rows_by_key(statement, keys[:half], *values), *self.rows_by_key(statement, keys[half:], *values)]

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All that is written inside is kept, on disk, or none of it is. One inside another is part of the outer one."""
        with self._writing, self._translate_errors():
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
            self._shorten_log(connection)

    def _shorten_log(self, connection: apsw.Connection) -> None:
        """Bring the log into the file now and then. SQLite would do it within COMMIT, where a failure of it looks like one to write."""
        if self._log_pages >= self.pages_between_checkpoints:
            with suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    @contextmanager
    def exclusive(self) -> Iterator[apsw.Connection]:
        """For what cannot run inside a transaction; no other thread writes meanwhile."""
        with self._writing, self._translate_errors():
            yield self._connection()

    def copy_to(self, target: Path) -> None:
        """Write all that is committed now to a new file, page by page, while readers and writers go on; it is on disk when this returns."""
        with self._translate_errors():
            connection = apsw.Connection(
                str(target), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs=self._files.name
            )
            try:
                with connection.backup("main", self._connection(), "main") as backup:
                    backup.step()  # all at once: a consistent state, and readers and writers of a WAL file do not wait for it
                connection.pragma("journal_mode", "delete")  # one file, without a log beside it
            finally:
                connection.close()

    def _create(self) -> None:
        connection = self._connection()
        if connection.pragma("application_id") or connection.execute("SELECT count(*) FROM sqlite_schema").get:
            return
        connection.reserve_bytes(reserve=RESERVED_BYTES)
        connection.pragma("page_size", PAGE_BYTES)
        connection.pragma("journal_mode", "wal")
        with self.transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO facts VALUES ('identity', lower(hex(randomblob(16))))")
            connection.execute("INSERT INTO facts VALUES ('changes', 0), ('documents', 0), ('passages', 0)")
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", FORMAT)

    def _note_log_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _page_is_damaged(self, page: int) -> None:
        if self.format:
            self.damage.report(f"page {page} of {self.path} is not what was written")
        else:  # of a newer format, whose checksums may be others, that is not for us to say
            self._first_damaged.append(page)

    def _check_log(self) -> None:
        """Before SQLite reads the write-ahead log: it would drop what comes after a damaged frame without a word."""
        path = self.path.with_name(f"{self.path.name}-wal")
        try:
            state = write_ahead_log.state(path)
            if state is write_ahead_log.State.DAMAGED and not self.read_only:
                shutil.copyfile(path, path.with_name(f"{path.name}.damaged"))
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        if state is write_ahead_log.State.DAMAGED:
            self.damage.report(f"{path} was damaged: what was written last may be missing, or as it was before")
        elif state is write_ahead_log.State.CUT_OFF:
            log.warning(
                "the last write to %s was cut off; it had not been acknowledged, unless the file was altered", self.path
            )

    def _check_format(self) -> int:
        connection = self._connection()
        if connection.pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{self.path} is not a Quotable store; name another data folder")
        written = int(connection.pragma("user_version"))
        if written > FORMAT:
            raise NewerFormat(
                f"{self.path} has format {written}, this version reads up to {FORMAT}: install the version that wrote it, or a newer one"
            )
        return written

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = apsw.Connection(str(self.path), flags=self._flags, vfs=self._files.name)
            connection.set_busy_timeout(10_000)
            connection.pragma("synchronous", "full")
            connection.pragma("cache_size", -CACHE_KIB)
            connection.set_wal_hook(self._note_log_pages)  # in the place of SQLite's own, which would shorten it
            # Whatever removes a row removes what refers to it; to enforce that, SQLite would look through all vectors for each passage.
            connection.pragma("foreign_keys", False)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
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
        except (apsw.CorruptError, UnicodeDecodeError) as error:
            self.damage.report(f"a part of {self.path} cannot be read ({type(error).__name__})")
            raise DamagedRow(f"{self.path} is damaged ({error}); run `qa check`") from error
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error


def _rise(values: Sequence[Any]) -> bool:
    """Whether each is more than the one before; values of different types, which damage may bring, are not."""
    try:
        return all(one < other for one, other in pairwise(values))
    except TypeError:
        return False


def next_number(connection: apsw.Connection, table: str, column: str) -> int:
    """What the next row is called: numbers rise and are never given twice. Rows are told it beforehand, so that their hash covers it."""
    highest = f"coalesce((SELECT max({column}) FROM {table}), 0)"
    given = f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)"
    return 1 + int(connection.execute(f"SELECT max({highest}, {given})").get)


def insert(connection: apsw.Connection, table: str, columns: str, row: Sequence[Any]) -> int:
    """The number that the row was given."""
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({placeholders(row)})", row)
    return connection.last_insert_rowid()


def placeholders(values: Sequence[Any]) -> str:
    """Question marks to bind that many values."""
    return ",".join("?" * len(values))
