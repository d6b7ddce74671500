"""The only place that names concrete classes and wires them: settings -> a library to write, a service to ask."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus.press_release import press_release
from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher
from index.embedded.folder_lock import FolderLock
from index.embedded.integrity.migrations import migrate
from index.embedded.policy import DEFAULT, Policy
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.store.database import FILE_NAME, FORMAT, Database
from index.embedded.store.store import Store
from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL
from index.ranking.query import SearcherProtocol
from index.types import Embedder, StoreError
from qa.answering.answerer import Answerer
from qa.answering.calibration import read_calibration
from qa.chat.chatbot import Chatbot
from qa.chat.fixed_replies import read_crisis_replies
from qa.chat.model_server import ModelServer
from qa.ingest.worker import Worker
from qa.ingest.writer import DocumentWriter, IncomingDocument, generations_folder
from qa.operate.question_log import QuestionLog
from qa.settings.settings import Settings

log = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Service:
    """What a face needs: the answers, and the store and index behind them."""

    answerer: Answerer
    store: Store
    searcher: Searcher
    chatbot: Chatbot
    questions: QuestionLog
    worker: Worker | None = None  # None where this process only reads

    def catch_up(self) -> None:
        """Find what another process, the one that writes the folder, has added since."""
        self.store.filtered.forget()
        self.searcher.refresh(np.empty(0, np.int64))


def open_to_write(settings: Settings, say: Say = log.info, *, fill: bool = False, policy: Policy = DEFAULT) -> DocumentWriter:
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
        name = model_name(settings, store)
        embedder = embedder_of(settings, name, say)
        store.check_fingerprint(embedder.fingerprint)
        if (store.fingerprint, store.model) != (embedder.fingerprint, name):
            store.set_model(embedder.fingerprint, name)
        searcher = Searcher(
            store, embedder, generations.recover_newest(generations_folder(folder), store, embedder.fingerprint, policy), policy
        )
        library = DocumentWriter(folder, database, embedder, searcher, lock, policy)
        if fill and store.last_passage_id() == 0:
            document = press_release()
            library.put(IncomingDocument(str(document.id), document))
            say(f"{folder} was empty: it now holds the press release “{document.title}”.")
        unbuilt = searcher.unbuilt
        if unbuilt > policy.unindexed_at_start:
            say(f"Building the index of {unbuilt} passages (some minutes for a million) …")
        # The first is a moment's work, the last too much to be searched without an index; what is between is, until it is built.
        if unbuilt <= policy.unindexed or unbuilt > policy.unindexed_at_start:
            library.build_if_behind()
    except BaseException:
        lock.release()
        raise
    return library


def service_of(library: DocumentWriter, settings: Settings) -> Service:
    """The service over a library that this process writes, and a worker that takes documents in."""
    return service_over(library.searcher, library.store, settings, Worker(library, fetcher_of(settings)))


def fetcher_of(settings: Settings) -> Fetcher:
    """Fetches documents from the hosts that the operator named."""
    return Fetcher(Hosts(settings.url_hosts, settings.url_private_hosts))


def open_to_read(settings: Settings, say: Say = log.info) -> Service:
    """Open a data folder that is there, without writing to its documents; another process may be serving it."""
    store = open_store_to_read(settings.data, say)
    embedder = embedder_of(settings, model_name(settings, store), say)
    generation = generations.load_newest(generations_folder(settings.data), store, embedder.fingerprint)
    searcher = Searcher(store, embedder, generation)
    return service_over(searcher, store, settings)


def service_over(searcher: Searcher, store: Store, settings: Settings, worker: Worker | None = None) -> Service:
    answerer = answerer_over(searcher, store, settings)
    chatbot = Chatbot(answerer, lambda: searcher.state, read_crisis_replies(settings.crisis_words), _model_server(settings))
    return Service(answerer, store, searcher, chatbot, QuestionLog(settings.data), worker)


def _model_server(settings: Settings) -> ModelServer | None:
    if settings.llm_url is None or settings.llm_model is None:
        return None
    return ModelServer(settings.llm_url, settings.llm_model, settings.llm_key, settings.llm_idle_timeout, settings.llm_timeout)


def answerer_over(searcher: SearcherProtocol, store: Store, settings: Settings) -> Answerer:
    """Raises CalibrationError where the data folder's calibration cannot be read, ModelError for a re-ranker that is not there."""
    if settings.reranker:
        from index.embedding.reranker import CrossEncoderReranker, RerankedSearcher

        searcher = RerankedSearcher(searcher, store, CrossEncoderReranker(settings.reranker, offline=settings.offline))
    return Answerer(searcher, store, settings.answer_threshold, settings.languages, read_calibration(settings.data))


def open_store_to_read(folder: Path, say: Say = log.info) -> Store:
    """Raises StoreError where there is none."""
    return Store(open_database_to_read(folder, say))


def open_database_to_read(folder: Path, say: Say = log.info) -> Database:
    """Raises StoreError where there is none. One of an older format is brought to today's first, where no other process writes it."""
    _check_there(folder)
    database = Database(folder, read_only=True)
    if database.format == FORMAT:
        return database
    database.close()
    with open_database_to_write(folder, say):
        pass
    return Database(folder, read_only=True)


@contextmanager
def open_database_to_write(folder: Path, say: Say = log.info) -> Iterator[Database]:
    """The database of a data folder that is there, for this process alone to change, in today's format. Raises StoreError."""
    _check_there(folder)
    lock = FolderLock(folder)
    try:
        with closing(Database(folder)) as database:
            migrate(database, say)
            yield database
    finally:
        lock.release()


def _check_there(folder: Path) -> None:
    try:
        there = (folder / FILE_NAME).exists()
    except OSError as error:
        raise StoreError(f"cannot read the data folder {folder}: {error.strerror}") from error
    if not there:
        raise StoreError(
            f"there is no data folder at {folder}: `qa serve` or `qa add FILE` makes one, or name another with --data"
        )


def model_name(settings: Settings, store: Store) -> str:
    """The model that the operator names, else the one whose vectors the store holds, else the default."""
    named = settings.model if "model" in settings.model_fields_set else store.model or settings.model
    return absolute_model_name(named)


def absolute_model_name(name: str) -> str:
    """A folder by its full path, so that it is found from wherever the command is called."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if name != DEFAULT_MODEL and folder.is_dir() else name


def embedder_of(settings: Settings, name: str, say: Say) -> Embedder:
    """Raises ModelError."""
    return load_embedder(
        name,
        settings.data / "models",
        offline=settings.offline,
        threads=settings.threads,
        precision=settings.precision,
        say=say,
    )
