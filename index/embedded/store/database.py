"""The SQLite file: connections, transactions and errors. `sql.py` has its tables, `store.py` the documents in it, `jobs.py` the queue.

A transaction is on disk (WAL, synchronous=FULL) before it returns. Every page has a checksum. A damaged page is reported in `damage`
and still read; the hash of each row decides whether the row may be used.
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
from index.embedded.store.sql import FORMAT, SCHEMA, placeholders
from index.types import DamagedRow, NewerFormat, StorageFull, StoreError

log = logging.getLogger(__name__)

FILE_NAME = "store.sqlite"
LOG_FILE = f"{FILE_NAME}-wal"
FIRST_CHECKSUM_FORMAT = 2  # pages of older formats have no checksums
PAGES_BETWEEN_CHECKPOINTS = 1_000
BUSY_MS = 60_000  # a commit waits so long for the transactions of other processes
CACHE_KIB = 512  # per connection, of which a server has one for each of some 30 threads
APPLICATION_ID = 0x51544231  # "QTB1", in the header of every store
MIN_SQLITE = 3051003  # 3.51.3; older versions can corrupt a WAL database that is reset while it is read


class Database:
    """One connection per thread. Writes are serialised; readers never wait for them."""

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = False,
        read_only: bool = False,
        check_log: bool = True,
        file_name: str = FILE_NAME,
        vfs: str = "",
    ) -> None:
        """Open the file in `folder`, which must exist.

        `check_log`: check the write-ahead log first, which no other process may be writing then. `vfs`: the SQLite VFS below the
        checksums; "" is the default. Raises NewerFormat or StoreError with the way out.
        """
        if apsw.SQLITE_VERSION_NUMBER < MIN_SQLITE:
            raise StoreError(f"SQLite {apsw.sqlite_lib_version()} is too old; install apsw 3.51.3 or newer")
        # Resolved, because SQLite reports a link by a code that apsw's own VFS takes for an error.
        self.path = (folder / file_name).resolve()
        self.damage = DamageLog(folder)
        self._files = ChecksumVFS(self._report_page, FIRST_CHECKSUM_FORMAT, vfs)
        self.format = 0  # unknown until checked
        self._damaged_before_check: list[int] = []
        self.pages_between_checkpoints = PAGES_BETWEEN_CHECKPOINTS
        self._log_pages = 0
        write = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        self._flags = apsw.SQLITE_OPEN_READONLY if read_only else write
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._writing = threading.RLock()
        self.read_only = read_only
        if check_log and not (read_only and is_held(folder)):
            self._check_log()
        try:
            with self._translate_errors():
                if create:
                    self._create()
                self.format = self._check_format()
            for page in self._damaged_before_check:
                self._report_page(page)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for connection in self._connections:
            # Closing writes the log into the file. If that fails, the log stays and the next process reads it.
            with suppress(apsw.Error):
                connection.close()
        self._connections.clear()
        self._local = threading.local()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a SELECT. Raises DamagedRow if one of them cannot be read."""
        with self._translate_errors():
            return list(self._connection().execute(statement, values))

    def scan(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a SELECT, one by one. Raises DamagedRow at the first that cannot be read."""
        with self._translate_errors():
            yield from self._connection().execute(statement)

    def batches(self, statement: str, after: Any, size: int, *values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a SELECT that ends in `> ? ORDER BY … LIMIT ?`, in batches; its first column is the one it is ordered by."""
        while found := self.rows(statement, *values, after, size):
            if not _ascend([after, *(row[0] for row in found)]):
                # In a damaged tree the order may turn back, and this loop would never end.
                self.damage.report(f"rows of {self.path} are out of order")
                return
            after = found[-1][0]
            yield found

    def rows_by_key(self, statement: str, keys: Sequence[Any], *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a SELECT that ends in `IN`, for these keys; unreadable rows are reported and left out."""
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
    def reading(self) -> Iterator[None]:
        """All rows read inside are of one moment, whatever other threads and processes write meanwhile."""
        with self._translate_errors():
            connection = self._connection()
            if connection.in_transaction:
                yield
                return
            connection.execute("BEGIN")
            try:
                yield
            finally:
                connection.execute("ROLLBACK")  # it wrote nothing

    def renew(self) -> None:
        """Inside `reading`: see everything that was committed before this call. Outside, every read does."""
        with self._translate_errors():
            connection = self._connection()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")

    def state(self) -> tuple[int, int]:
        """Changes with every commit of any process; comparable only with earlier states in the same thread. Takes microseconds."""
        with self._translate_errors():
            connection = self._connection()
            return connection.execute("PRAGMA data_version").get, connection.total_changes()

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All writes inside are committed to disk together, or rolled back. A nested transaction joins the outer one."""
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
            self._checkpoint(connection)

    def _checkpoint(self, connection: apsw.Connection) -> None:
        """Checkpoint once the log is long. SQLite would do so within COMMIT, where a failed checkpoint looks like a failed write."""
        if self._log_pages >= self.pages_between_checkpoints:
            with suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    @contextmanager
    def exclusive(self) -> Iterator[apsw.Connection]:
        """A connection for statements that cannot run in a transaction; other threads do not write meanwhile."""
        with self._writing, self._translate_errors():
            yield self._connection()

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy of the database to a new file, synced, without blocking readers or writers."""
        with self._translate_errors():
            connection = apsw.Connection(
                str(target), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs=self._files.name
            )
            try:
                with connection.backup("main", self._connection(), "main") as backup:
                    backup.step()  # all pages in one read transaction, which blocks nobody in WAL mode
                connection.pragma("journal_mode", "delete")  # no log beside the file
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
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO facts VALUES ('identity', lower(hex(randomblob(16))))")
            connection.execute("INSERT INTO facts VALUES ('changes', 0), ('documents', 0), ('passages', 0)")
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", FORMAT)

    def _note_log_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _report_page(self, page: int) -> None:
        if self.format:
            self.damage.report(f"page {page} of {self.path} does not match its checksum")
        else:  # a newer format may use another checksum
            self._damaged_before_check.append(page)

    def _check_log(self) -> None:
        """Check the write-ahead log before SQLite reads it, which drops everything after a damaged frame silently."""
        path = self.path.with_name(f"{self.path.name}-wal")
        try:
            state = write_ahead_log.read_state(path)
            if state is write_ahead_log.State.DAMAGED and not self.read_only:
                shutil.copyfile(path, path.with_name(f"{path.name}.damaged"))
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        if state is write_ahead_log.State.DAMAGED:
            self.damage.report(f"{path} was damaged; the last changes may be missing")
        elif state is write_ahead_log.State.INCOMPLETE:
            log.warning("the last write to %s is incomplete; it was not acknowledged, unless the file was altered", self.path)

    def _check_format(self) -> int:
        connection = self._connection()
        if connection.pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{self.path} is not a Quotable store; name another data folder")
        written = int(connection.pragma("user_version"))
        if written > FORMAT:
            raise NewerFormat(
                f"{self.path} has format {written}, this version reads up to {FORMAT}; install the version that wrote it, or a newer one"
            )
        return written

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = apsw.Connection(str(self.path), flags=self._flags, vfs=self._files.name)
            connection.set_busy_timeout(BUSY_MS)
            connection.pragma("synchronous", "full")
            connection.pragma("cache_size", -CACHE_KIB)
            connection.set_wal_hook(self._note_log_pages)  # replaces SQLite's own, which would checkpoint
            # Removals delete the referring rows themselves; enforcing it, SQLite would scan all vectors for each passage.
            connection.pragma("foreign_keys", False)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise SQLite's errors as StoreError, StorageFull or DamagedRow."""
        try:
            yield
        except apsw.CantOpenError as error:
            raise StoreError(
                f"cannot open {self.path}; check that the folder exists and that this user may read and write it"
            ) from error
        except apsw.NotADBError as error:
            raise StoreError(
                f"{self.path} is not a Quotable store; name another data folder, or restore a backup with `qa restore FILE`"
            ) from error
        except apsw.ReadOnlyError as error:
            raise StoreError(f"{self.path} cannot be written by this user; check its permissions") from error
        except apsw.FullError as error:
            raise StorageFull(f"the disk of {self.path} is full; free some space and try again") from error
        except (apsw.CorruptError, UnicodeDecodeError) as error:
            self.damage.report(f"part of {self.path} cannot be read ({type(error).__name__})")
            raise DamagedRow(
                f"{self.path} is damaged ({error}); run `qa check --repair`, or restore a backup with `qa restore FILE`"
            ) from error
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error


def _ascend(values: Sequence[Any]) -> bool:
    """Whether the values strictly ascend; values of different types, which damage can cause, do not."""
    try:
        return all(one < other for one, other in pairwise(values))
    except TypeError:
        return False
