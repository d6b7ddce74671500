"""The only module that names concrete classes and wires them together from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.press_release import press_release
from index.access.audience import Audience
from index.access.restricted import RestrictedEngine
from index.embedded.candidate import Gate
from index.embedded.engine import OpenEmbedder
from index.embedded.folder_lock import is_held
from index.embedded.opening import has_store, open_engine_to_read, open_engine_to_share, open_engine_to_write
from index.embedded.policy import DEFAULT, Policy
from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL
from index.engine import Engine, EngineView
from index.ranking.result import Ranking
from index.types import Embedder, Reranker, StoreError
from qa.answering.answerer import Answerer
from qa.answering.calibration import Calibration, read_calibration
from qa.answering.reader.loading import load_readers
from qa.answering.reader.model import ReadingModel
from qa.chat.chatbot import Chatbot
from qa.chat.fixed_replies import read_crisis_replies
from qa.chat.model_server import ModelServer
from qa.curation.rules import Curation
from qa.curation.stored import CurrentCuration
from qa.ingest.intake import Intake
from qa.ingest.watching import Watcher
from qa.ingest.worker import Worker
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.operate.fetching import fetcher_of, source_runner_of
from qa.operate.gate import check_invariants, missed_invariants
from qa.operate.question_log import QuestionLog
from qa.operate.state import audit_of, open_connection, questions_of, state_files_of
from qa.settings.reading import cache_folder
from qa.settings.settings import Settings
from qa.sources.runner import Schedule

if TYPE_CHECKING:  # imported when a cluster is opened: the client takes a tenth of a second
    from index.opensearch.engine import ClusterEngine

log = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Readable:
    """What a caller may read of a service, and ask of it."""

    engine: EngineView
    answerer: Answerer
    chatbot: Chatbot
    questions: QuestionLog


@dataclass(frozen=True, slots=True)
class Service:
    """Everything an interface needs.

    `intake`: accepts documents; None if this process only reads. `worker`: ingests them; None if another process does.
    `missed_invariants`: how many the last rebuilt index missed, so that it did not take over.
    """

    engine: Engine
    answerer: Answerer
    chatbot: Chatbot
    questions: QuestionLog
    intake: Intake | None = None
    worker: Worker | None = None
    missed_invariants: Callable[[], int] = lambda: 0

    def readable_by(self, audience: Audience | None) -> Readable:
        """What an audience may read; None reads everything. Every interface that serves callers answers through it."""
        if audience is None:
            return Readable(self.engine, self.answerer, self.chatbot, self.questions)
        engine = RestrictedEngine(self.engine, audience)
        answerer = self.answerer.over(engine)
        return Readable(engine, answerer, self.chatbot.over(answerer, lambda: answerer.state), self.questions)


def open_to_write(
    settings: Settings,
    say: Say = log.info,
    *,
    fill: bool = False,
    policy: Policy = DEFAULT,
    reranker: Reranker | None = None,
    new_model: str | None = None,
) -> DocumentWriter:
    """Open or create the data folder as its owner, or the index of a cluster. `fill`: store the press release in a new one.

    `new_model`: for a new one. Raises StoreError or ModelError with the next step.
    """
    opener = embedder_opener(settings, say, new_model)
    if settings.engine:
        engine: Engine = _open_cluster(settings, opener, reranker)
        engine.embedder  # noqa: B018 - a wrong model is reported before anything is written
    else:
        engine = open_engine_to_write(settings.data, opener, policy, say, reranker, gate_of(settings))
    writer = _writer_over(engine, settings)
    if not fill or not writer.engine.is_new:
        return writer
    try:
        document = press_release()
        writer.put(IncomingDocument(str(document.id), document))
        say(f"{place_of(settings)} was empty: it now holds the press release “{document.title}”.")
        writer.engine.maintain()
    except BaseException:
        writer.close()
        raise
    return writer


def open_to_change(settings: Settings, say: Say = log.info, *, new_model: str | None = None) -> DocumentWriter:
    """As `open_to_write`, or beside the process that owns the folder, such as a server, which then indexes what is stored."""
    if settings.engine or not is_held(settings.data):
        return open_to_write(settings, say, new_model=new_model)
    engine = open_engine_to_share(settings.data, embedder_opener(settings, say))
    return _writer_over(engine, settings)


def _writer_over(engine: Engine, settings: Settings) -> DocumentWriter:
    originals, versions = settings.keep_originals, settings.keep_versions
    return DocumentWriter(engine, keep_originals=originals, keep_versions=versions, audit=audit_of(settings))


def open_to_share(settings: Settings, say: Say = log.info) -> Service:
    """A service beside the process that owns the folder: it answers, accepts documents and removes them."""
    opener, reranker = embedder_opener(settings, say), reranker_of(settings)
    if settings.engine:
        engine: Engine = _open_cluster(settings, opener, reranker)
    else:
        engine = open_engine_to_share(settings.data, opener, reranker=reranker)
    return service_over(engine, settings, Intake(engine, fetcher_of(settings), audit=audit_of(settings)), say=say)


def open_to_read(settings: Settings, say: Say = log.info) -> Service:
    """Open an existing data folder without changing its documents; other processes may do so, and are followed."""
    return service_over(open_reading_engine(settings, say, reranker_of(settings)), settings, say=say)


def open_or_create(settings: Settings, say: Say = log.info) -> Service:
    """Open a data folder to read; a folder without documents is first created with the press release, as `qa serve` does."""
    if settings.engine:
        with closing(_open_cluster(settings, embedder_opener(settings, say))) as engine:
            is_new = engine.is_new
    else:
        is_new = not has_store(settings.data)
    if is_new:
        open_to_write(settings, say, fill=True).close()
    return open_to_read(settings, say)


def open_reading_engine(settings: Settings, say: Say = log.info, reranker: Reranker | None = None) -> Engine:
    """The engine of an existing data folder or cluster; the model is loaded by the first search. Raises StoreError."""
    if settings.engine:
        engine = _open_cluster(settings, embedder_opener(settings, say), reranker)
        if engine.is_new:
            engine.close()
            raise StoreError(f"there are no documents at {place_of(settings)}: add some with `qa add FILE`")
        return engine
    return open_engine_to_read(settings.data, embedder_opener(settings, say), DEFAULT, say, reranker)


def _open_cluster(settings: Settings, opener: OpenEmbedder, reranker: Reranker | None = None) -> ClusterEngine:
    """Raises StoreError for certificates that cannot be read; connects with the first call."""
    from index.opensearch.engine import ClusterEngine

    return ClusterEngine(open_connection(settings), opener, reranker)


def place_of(settings: Settings) -> str:
    """Where the documents are, for messages."""
    return settings.engine or str(settings.data)


def worker_of(writer: DocumentWriter, settings: Settings, say: Say = log.info) -> Worker:
    """Ingests documents, runs sources, and follows the operator's files. Raises ReadError if one of them is missing."""
    schedule = Schedule(source_runner_of(writer, settings), say)
    watchers = [Watcher(writer, [Path(place) for place in settings.watch], say)] if settings.watch else []
    return Worker(writer, fetcher_of(settings), beside=[schedule, *watchers])


def service_of(writer: DocumentWriter, settings: Settings, say: Say = log.info) -> Service:
    """A service over a writer of this process, with a worker that ingests documents."""
    worker = worker_of(writer, settings, say)
    return service_over(writer.engine, settings, Intake(writer.engine, worker.fetcher, worker.wake, writer.audit), worker, say)


def service_over(
    engine: Engine, settings: Settings, intake: Intake | None = None, worker: Worker | None = None, say: Say = log.info
) -> Service:
    """Raises CalibrationError and CurationError for a calibration or a curation that cannot be used."""
    answerer = answerer_over(engine, settings, say=say)
    chatbot = Chatbot(answerer, lambda: answerer.state, read_crisis_replies(settings.crisis_words), _model_server(settings))
    files = state_files_of(settings)
    missed = (lambda: missed_invariants(files)) if settings.invariants else (lambda: 0)
    return Service(engine, answerer, chatbot, questions_of(settings), intake, worker, missed)


def answerer_over(
    engine: EngineView,
    settings: Settings,
    *,
    calibration: Calibration | None = None,
    spelling: bool = True,
    arrange: Callable[[Ranking], Ranking] | None = None,
    curation: Callable[[], Curation] | None = None,
    say: Say = log.info,
) -> Answerer:
    """`calibration`, `curation`: None for that of the service. Raises CalibrationError and CurationError if it cannot be used."""
    files = state_files_of(settings)
    return Answerer(
        engine,
        settings.answer_threshold,
        settings.languages,
        read_calibration(files) if calibration is None else calibration,
        readers=readers_of(settings, engine.embedder, say),
        read=settings.read,
        spelling=spelling,
        arrange=arrange,
        curation=CurrentCuration(files) if curation is None else curation,
        thresholds=settings.thresholds,
    )


def gate_of(settings: Settings) -> Gate | None:
    """Asks a rebuilt index the invariants of the setting before it takes over; without a re-ranker. None without the setting."""
    if (path := settings.invariants) is None:
        return None
    return lambda engine: check_invariants(path, answerer_over(engine, settings), state_files_of(settings))


def reranker_of(settings: Settings) -> Reranker | None:
    """The configured re-ranker. Raises ModelError."""
    if not settings.reranker:
        return None
    from index.embedding.reranker import CrossEncoderReranker

    return CrossEncoderReranker(settings.reranker, offline=settings.offline)


def readers_of(settings: Settings, embedder: Embedder, say: Say) -> list[ReadingModel]:
    """The reading models that the operator chooses, by their languages. Raises ModelError."""
    folders, embedding = model_folders(settings), embedder.fingerprint
    return load_readers(settings.reader, *folders, embedding, offline=settings.offline, threads=settings.threads, say=say)


def embedder_opener(settings: Settings, say: Say, new: str | None = None) -> OpenEmbedder:
    """Opens the model that `model_name` chooses. `new`: the one to use where no vectors are stored, instead of the default."""

    def open_embedder(stored: str | None) -> tuple[str, Embedder]:
        name = model_name(settings, stored or new)
        return name, embedder_of(settings, name, say)

    return open_embedder


def model_name(settings: Settings, stored: str | None) -> str:
    """The model that the operator names, else the one whose vectors are stored, else the default."""
    return absolute_model_name(settings.model if "model" in settings.model_fields_set else stored or settings.model)


def absolute_model_name(name: str) -> str:
    """A folder as an absolute path, so that it is found from any working directory."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if name != DEFAULT_MODEL and folder.is_dir() else name


def embedder_of(settings: Settings, name: str, say: Say) -> Embedder:
    """Raises ModelError."""
    return load_embedder(
        name,
        *model_folders(settings),
        offline=settings.offline,
        threads=settings.threads,
        precision=settings.precision,
        say=say,
    )


def model_folders(settings: Settings) -> tuple[Path, Path | None]:
    """The folders of prepared models: the cache, and that of the data folder; for a user without a cache the latter alone."""
    own = settings.data / "models"
    shared = cache_folder(settings)
    return (shared, own) if shared else (own, None)


def _model_server(settings: Settings) -> ModelServer | None:
    if settings.llm_url is None or settings.llm_model is None:
        return None
    return ModelServer(settings.llm_url, settings.llm_model, settings.llm_key, settings.llm_idle_timeout, settings.llm_timeout)
