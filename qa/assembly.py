"""The only place that names concrete classes and wires them: settings -> a library to write, a service to ask."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus.embedded import press_release
from index import generations
from index.database import FILE_NAME, FORMAT, Database
from index.embedder import open_embedder
from index.folder_lock import FolderLock
from index.migrations import migrate
from index.searcher import Searcher
from index.store import Store
from index.types import Embedder, StoreError
from qa.answerer import Answerer, Searches
from qa.calibration import read_calibration
from qa.examples import Examples
from qa.library import Entry, Library, generations_folder
from qa.settings import Settings
from qa.worker import Worker

log = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Service:
    """What a face needs: the answers, and the store and index behind them."""

    answerer: Answerer
    store: Store
    searcher: Searcher
    examples: Examples
    worker: Worker | None = None  # None where this process only reads


def open_to_write(settings: Settings, say: Say = log.info, *, fill: bool = False) -> Library:
    """Open or begin the data folder as its only writer. `fill`: put the press release into a folder that never held anything.

    Raises StoreError or ModelError with the way out.
    """
    folder = settings.data
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the data folder {folder}: {error.strerror}") from error
    lock = FolderLock(folder)
    try:
        database = Database(folder, create=True)
        migrate(database, say)
        store = Store(database)
        embedder = _embedder(settings, say)
        searcher = Searcher(store, embedder, generations.newest(generations_folder(folder), store, embedder.fingerprint))
        library = Library(folder, database, embedder, searcher, lock)
        if fill and store.last_passage_id() == 0:
            document = press_release()
            library.put(Entry(str(document.id), document))
            say(f"{folder} was empty: it now holds the press release “{document.title}”.")
        library.build_if_behind()
    except BaseException:
        lock.release()
        raise
    return library


def service_of(library: Library, settings: Settings) -> Service:
    """The service over a library that this process writes, and a worker that takes documents in."""
    answerer = answerer_over(library.searcher, library.store, settings)
    return Service(answerer, library.store, library.searcher, Examples(answerer, library.store), Worker(library))


def open_to_read(settings: Settings, say: Say = log.info) -> Service:
    """Open a data folder that is there, without writing to its documents; another process may be serving it."""
    store = open_store_to_read(settings.data, say)
    embedder = _embedder(settings, say)
    generation = generations.newest(generations_folder(settings.data), store, embedder.fingerprint, discard=False)
    searcher = Searcher(store, embedder, generation)
    answerer = answerer_over(searcher, store, settings)
    return Service(answerer, store, searcher, Examples(answerer, store))


def answerer_over(searcher: Searches, store: Store, settings: Settings) -> Answerer:
    """Raises CalibrationError where the data folder's calibration cannot be read."""
    return Answerer(searcher, store, settings.operating_point, settings.languages, read_calibration(settings.data))


def open_store_to_read(folder: Path, say: Say = log.info) -> Store:
    """Raises StoreError where there is none. One of an older format is brought to today's first, where no other process writes it."""
    try:
        there = (folder / FILE_NAME).exists()
    except OSError as error:
        raise StoreError(f"cannot read the data folder {folder}: {error.strerror}") from error
    if not there:
        raise StoreError(
            f"there is no data folder at {folder}: `qa serve` or `qa add FILE` makes one, or name another with --data"
        )
    database = Database(folder, read_only=True)
    if database.format < FORMAT:
        database.close()
        _migrate(folder, say)
        database = Database(folder, read_only=True)
    return Store(database)


def _migrate(folder: Path, say: Say) -> None:
    lock = FolderLock(folder)
    try:
        database = Database(folder)
        migrate(database, say)
        database.close()
    finally:
        lock.release()


def _embedder(settings: Settings, say: Say) -> Embedder:
    return open_embedder(settings.model, settings.data / "models", offline=settings.offline, threads=settings.threads, say=say)
