"""Open the engine, or the database alone, of a data folder: to write as its only process, or to read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from index.embedded.engine import EmbeddedEngine, OpenEmbedder
from index.embedded.folder_lock import FolderLock
from index.embedded.integrity.migrations import migrate
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
) -> EmbeddedEngine:
    """Open or create a data folder as its only writer, and index what is not indexed if that is quick or urgent.

    Raises StoreError or ModelError with the next step.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot create the data folder {folder}: {error.strerror}") from error
    lock = FolderLock(folder)
    try:
        database = Database(folder, create=True)
        migrate(database, say)
        engine = EmbeddedEngine(database, open_embedder, policy, reranker, lock)
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


def open_engine_to_read(
    folder: Path,
    open_embedder: OpenEmbedder,
    policy: Policy = DEFAULT,
    say: Say = log.info,
    reranker: Reranker | None = None,
) -> EmbeddedEngine:
    """Open an existing data folder without changing its documents; another process may write it. Raises StoreError."""
    return EmbeddedEngine(open_database_to_read(folder, say), open_embedder, policy, reranker)


def open_database_to_read(folder: Path, say: Say = log.info) -> Database:
    """Open an existing database; one of an older format is migrated first, unless another process writes it. Raises StoreError."""
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
    """Open an existing database as its only writer, migrated to the current format. Raises StoreError."""
    _check_exists(folder)
    lock = FolderLock(folder)
    try:
        with closing(Database(folder)) as database:
            migrate(database, say)
            yield database
    finally:
        lock.release()


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
