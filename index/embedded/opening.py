"""Open the engine, or the database alone, of a data folder: as its owner, beside its owner, or to read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from index.embedded import originals
from index.embedded.candidate import Gate
from index.embedded.engine import EmbeddedEngine, OpenEmbedder
from index.embedded.folder_lock import FolderLock, SharedLock, SoleLock
from index.embedded.integrity.migrations import migrate
from index.embedded.owner import EmbeddedOwner
from index.embedded.policy import DEFAULT, Policy
from index.embedded.store.database import FILE_NAME, Database
from index.embedded.store.sql import FORMAT
from index.types import Reranker, StoreError

log = logging.getLogger(__name__)

Say = Callable[[str], None]


def open_engine_to_write(
    folder: Path,
    open_embedder: OpenEmbedder,
    policy: Policy = DEFAULT,
    say: Say = log.info,
    reranker: Reranker | None = None,
    gate: Gate | None = None,
) -> EmbeddedOwner:
    """Open or create a data folder as its owner, and index what is not indexed if that is quick or urgent.

    `gate`: asks each index that is built again as a whole before it takes over. Raises StoreError or ModelError with the next step.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / originals.FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot create the data folder {folder}: {error.strerror}") from error
    lock = FolderLock(folder)
    try:
        database = _open_as_owner(folder, create=True)
        migrate(database, say)
        engine = EmbeddedOwner(database, open_embedder, policy, reranker, lock, gate)
        engine.embedder  # noqa: B018 - the model is loaded now, so that a wrong one is reported before anything is written
        unindexed = engine.status().unindexed
        if unindexed > policy.unindexed_at_start:
            say(f"Building the index of {unindexed} passages (some minutes for a million) …")
        # A small tail takes a moment; a large one is too slow to search. One in between is searched while it is indexed.
        if unindexed <= policy.unindexed or unindexed > policy.unindexed_at_start:
            engine.maintain()
    except BaseException:
        lock.release()
        raise
    return engine


def open_engine_to_share(
    folder: Path,
    open_embedder: OpenEmbedder,
    policy: Policy = DEFAULT,
    reranker: Reranker | None = None,
) -> EmbeddedEngine:
    """Open a data folder that another process owns, to read and to change its documents; the owner indexes them.

    Raises StoreError.
    """
    _check_exists(folder)
    lock = SharedLock(folder)
    try:
        database = Database(folder, check_log=False)
        if database.format != FORMAT:
            raise StoreError(f"{folder} must be converted first: run `qa serve`, or another command that changes documents")
    except BaseException:
        lock.release()
        raise
    return EmbeddedEngine(database, open_embedder, policy, reranker, lock)


def open_engine_to_read(
    folder: Path,
    open_embedder: OpenEmbedder,
    policy: Policy = DEFAULT,
    say: Say = log.info,
    reranker: Reranker | None = None,
) -> EmbeddedEngine:
    """Open an existing data folder without changing its documents; other processes may do so. Raises StoreError."""
    return EmbeddedEngine(open_database_to_read(folder, say), open_embedder, policy, reranker)


def open_database_to_read(folder: Path, say: Say = log.info) -> Database:
    """Open an existing database; one of an older format is migrated first, unless another process owns it. Raises StoreError."""
    _check_exists(folder)
    database = Database(folder, read_only=True)
    if database.format == FORMAT:
        return database
    database.close()
    with open_database_to_write(folder, say):
        pass
    return Database(folder, read_only=True)


@contextmanager
def open_database_to_write(folder: Path, say: Say = log.info) -> Iterator[Database]:
    """Open an existing database as the owner of its folder, migrated to the current format. Raises StoreError."""
    _check_exists(folder)
    lock = FolderLock(folder)
    try:
        with closing(_open_as_owner(folder)) as database:
            migrate(database, say)
            yield database
    finally:
        lock.release()


@contextmanager
def open_database_to_share(folder: Path) -> Iterator[Database]:
    """Open the database of a folder that another process owns, to change rows. Raises StoreError."""
    _check_exists(folder)
    lock = SharedLock(folder)
    try:
        with closing(Database(folder, check_log=False)) as database:
            yield database
    finally:
        lock.release()


@contextmanager
def close_to_others(folder: Path) -> Iterator[None]:
    """Own a folder that no other process writes, to replace its store. Raises StoreError."""
    lock = FolderLock(folder)
    sole = SoleLock(folder)
    try:
        if not sole.alone:
            raise StoreError(f"other processes write documents in {folder}: stop the server and every `qa add` first")
        yield
    finally:
        sole.release()
        lock.release()


def _open_as_owner(folder: Path, *, create: bool = False) -> Database:
    """The log is checked if no process writes it, such as one that outlived the previous owner."""
    sole = SoleLock(folder)
    try:
        return Database(folder, create=create, check_log=sole.alone)
    finally:
        sole.release()


def has_store(folder: Path) -> bool:
    """Whether the folder holds a database. Raises StoreError if the folder cannot be read."""
    try:
        return (folder / FILE_NAME).exists()
    except OSError as error:
        raise StoreError(f"cannot read the data folder {folder}: {error.strerror}") from error


def _check_exists(folder: Path) -> None:
    if not has_store(folder):
        raise StoreError(
            f"there is no data folder at {folder}: create one with `qa serve` or `qa add FILE`, or name another with --data"
        )
