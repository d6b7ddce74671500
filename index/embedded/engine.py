"""The embedded engine: one owner of database, searcher, filter cache, segment builder, lock and folder lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from corpus.types import Document, Passage
from index.embedded import originals
from index.embedded.builder import IndexBuilder
from index.embedded.filtered_documents import FilteredDocuments
from index.embedded.folder_lock import FolderLock, is_held
from index.embedded.originals import Originals
from index.embedded.policy import Policy
from index.embedded.read_write_lock import ReadWriteLock
from index.embedded.searcher import EmbeddedSnapshot, Searcher
from index.embedded.segments import generations
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.store import NO_ORIGIN, Store
from index.engine import EngineStatus, PutOutcome
from index.filters import Filter, Scalar
from index.jobs import Job, JobKind
from index.listing import DocumentPage, DocumentQuery, DocumentState
from index.ranking.query import PreparedQuery
from index.ranking.result import Ranking
from index.types import DamagedRow, Embedder, Matrix, Origin, Reranker, StoredDocument, StoredPassage

# Name of the model whose vectors are stored, or None -> name and model to use.
OpenEmbedder = Callable[[str | None], tuple[str, Embedder]]


@dataclass(frozen=True, slots=True)
class _Index:
    embedder: Embedder
    searcher: Searcher
    builder: IndexBuilder


class EmbeddedEngine:
    """The engine of a data folder; see `index.engine.Engine`. The model is loaded by the first call that needs it."""

    def __init__(
        self,
        database: Database,
        open_embedder: OpenEmbedder,
        policy: Policy,
        reranker: Reranker | None = None,
        lock: FolderLock | None = None,
    ) -> None:
        """`lock`: of the folder, which the engine releases when it is closed; None for an engine that only reads."""
        self.database = database
        self.store = Store(database)
        self.jobs = JobQueue(database)
        self._originals = Originals(database)
        self._filters = FilteredDocuments(database, policy)
        self._open_embedder, self._policy, self._folder_lock = open_embedder, policy, lock
        self._reranker = (reranker, policy.reranked) if reranker else None
        # Searches read. A replacement or removal writes until the indexes know of it: otherwise a search could find neither the
        # old document nor the new one, or parts of one.
        self._lock = ReadWriteLock()
        self._changes = 0  # made by this process
        self._loading = threading.Lock()
        self._loaded: _Index | None = None

    # Facts

    @property
    def embedder(self) -> Embedder:
        return self._index().embedder

    @property
    def generation(self) -> int:
        built = self._index().searcher.generation
        return built.number if built else 0

    @property
    def version(self) -> tuple[int, int]:
        return self.generation, self._changes

    @property
    def degraded(self) -> bool:
        return self.store.damaged

    @property
    def is_new(self) -> bool:
        return self.store.last_passage_id() == 0

    def status(self) -> EngineStatus:
        """As the newest generation on disk says; no model is loaded."""
        folder = generations.generations_folder(self.store.folder)
        number, spans = generations.read_layout(folder)
        documents, passages = self.counts()
        return EngineStatus(
            documents=documents,
            passages=passages,
            generation=number,
            segments=len(spans),
            unindexed=self.store.passages_after(spans[-1].last if spans else 0),
            recall=min((recall.value for recall in generations.read_recalls(folder)), default=None),
            model=self.store.model,
            fingerprint=self.store.fingerprint,
            degraded=self.degraded,
            jobs_waiting=self.jobs.waiting(),
            jobs_failed=self.jobs.failed(),
            written=is_held(self.store.folder),
        )

    def counts(self) -> tuple[int, int]:
        return self.store.counts()

    def languages(self) -> list[tuple[str | None, int]]:
        return self.store.languages()

    # Search

    def prepare(self, question: str, *, spelling: bool = True) -> PreparedQuery:
        return self._index().searcher.prepare(question, spelling=spelling)

    def search(self, query: PreparedQuery, allowed: Filter | None = None) -> Ranking:
        with self.snapshot(allowed) as snapshot:
            return snapshot.search(query)

    @contextmanager
    def snapshot(self, allowed: Filter | None = None) -> Iterator[EmbeddedSnapshot]:
        searcher = self._index().searcher
        with self._lock.read():
            index = searcher.snapshot()
            ids = None if allowed is None else index.passages_of_documents(self._filters.numbers(allowed))
            yield EmbeddedSnapshot(self.store, searcher, index, ids, self._reranker)

    def facets(self, key: str, allowed: Filter | None, limit: int) -> Sequence[tuple[Scalar, int]]:
        return self._filters.facet(key, allowed, limit)

    # Documents

    def document(self, document_id: str) -> StoredDocument | None:
        return self.store.document(document_id)

    def documents(self, after: str | None = None, limit: int = 100) -> list[StoredDocument]:
        return self.store.documents(after, limit)

    def page(self, query: DocumentQuery) -> DocumentPage:
        return self.store.page(query)

    def states(self, document_ids: Sequence[str]) -> dict[str, DocumentState]:
        return self.store.states(document_ids)

    def documents_from(self, location: str) -> list[StoredDocument]:
        return self.store.documents_from(location)

    def locations(self, prefix: str) -> set[str]:
        return self.store.locations(prefix)

    def content(self, document_id: str) -> Document | None:
        return self.store.content(document_id)

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        return self.store.passages(ids)

    def passages_of(self, document_id: str) -> list[StoredPassage]:
        return self.store.passages_of(document_id)

    def passage_counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        return self.store.passage_counts(document_ids)

    # Writing

    def put(
        self,
        document_id: str,
        document: Document,
        passages: Sequence[Passage],
        vectors: Matrix,
        *,
        origin: Origin = NO_ORIGIN,
        unless: Callable[[], bool] = lambda: False,
    ) -> PutOutcome:
        index = self._index()
        known, original = self.store.has_document(document_id), self._original(document_id)
        with self._lock.write() if known else nullcontext():
            with self.database.transaction():
                if unless():
                    return "cancelled"
                fingerprint = index.embedder.fingerprint
                removed = self.store.put(document_id, document, passages, vectors, fingerprint, origin)
            index.searcher.refresh(removed)
            self._changes += 1
        self._originals.delete_unreferenced(original)
        return "replaced" if known else "added"

    def holds(self, document_id: str, document: Document) -> bool:
        try:
            return self.store.content(document_id) == document and self.store.is_intact(document_id)
        except DamagedRow:
            return False

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        return self.store.find_duplicate(version, excluding)

    def update_origin(self, document_id: str, origin: Origin) -> None:
        original = self._original(document_id)
        if self.store.update_origin(document_id, origin):
            self._filters.forget()
            self._changes += 1
            self._originals.delete_unreferenced(original)

    def edit(self, document_id: str, changes: Mapping[str, Any]) -> tuple[StoredDocument, Job | None] | None:
        with self.database.transaction():
            before, edited = self.store.document(document_id), self.store.edit(document_id, changes)
            if before is None or edited is None:
                return None
            is_renamed = edited.title != before.title
            job = self.jobs.accept(edited.title, b"", document_id, JobKind.EDIT) if is_renamed else None
        self._filters.forget()
        self._changes += 1
        return edited, job

    def remove(self, document_id: str, *, keep_jobs: bool = False) -> bool:
        index, original = self._index(), self._original(document_id)
        with self._lock.write():
            with self.database.transaction():
                cancelled = 0 if keep_jobs else self.jobs.cancel(document_id)
                known = self.store.has_document(document_id)
                removed = self.store.remove(document_id)
            index.searcher.refresh(removed)
            self._changes += 1
        self._originals.delete_unreferenced(original)
        return known or cancelled > 0

    def keep_original(self, content: bytes) -> AbstractContextManager[str]:
        return self._originals.keep(content)

    def originals(self) -> tuple[int, int]:
        return originals.size(self._originals.folder)

    def original(self, document_id: str) -> bytes | None:
        digest = self._original(document_id)
        return originals.read(self._originals.folder, digest) if digest else None

    def maintain(self) -> None:
        if self._folder_lock:
            self._originals.sweep()
        self._index().builder.build_if_behind()

    def rebuild(self) -> None:
        self._index().builder.build()

    def wait_for_merges(self) -> None:
        """Wait until no segments are being merged."""
        self._index().builder.wait()

    def refresh(self) -> None:
        self._filters.forget()
        self._index().searcher.refresh(np.empty(0, np.int64))
        self._changes += 1

    def close(self) -> None:
        """Give up a running merge, close the database and release the folder."""
        if self._loaded:
            self._loaded.builder.close()
        self.database.close()
        if self._folder_lock:
            self._folder_lock.release()

    def _original(self, document_id: str) -> str | None:
        with suppress(DamagedRow):
            stored = self.store.document(document_id)
            return stored.original if stored else None
        return None

    def _index(self) -> _Index:
        """Model and indexes, loaded when they are first needed. Raises ModelError or FingerprintMismatch."""
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    self._loaded = self._load()
        return self._loaded

    def _load(self) -> _Index:
        store, writes = self.store, self._folder_lock is not None
        name, embedder = self._open_embedder(store.model)
        store.check_fingerprint(embedder.fingerprint)
        if writes and (store.fingerprint, store.model) != (embedder.fingerprint, name):
            store.set_model(embedder.fingerprint, name)
        folder = generations.generations_folder(store.folder)
        load = generations.recover_newest if writes else generations.load_newest
        generation = load(folder, store, embedder.fingerprint, self._policy)
        searcher = Searcher(store, embedder, generation, self._policy)
        return _Index(embedder, searcher, IndexBuilder(folder, store, searcher, embedder, self._policy))
