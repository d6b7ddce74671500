"""The embedded engine: one owner of database, searcher, filter cache, segment builder, lock and folder lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from corpus.types import Document, Passage
from index.embedded.builder import IndexBuilder
from index.embedded.filtered_documents import FilteredDocuments
from index.embedded.folder_lock import FolderLock, is_held
from index.embedded.policy import Policy
from index.embedded.read_write_lock import ReadWriteLock
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.snapshot import IndexSnapshot
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.store import Store
from index.engine import EngineStatus, PutOutcome
from index.filters import Filter, Scalar
from index.ranking.query import PreparedQuery
from index.ranking.reranking import rerank
from index.ranking.result import Ranking
from index.types import DamagedRow, Embedder, Ids, Matrix, Reranker, StoredDocument, StoredPassage, Vector

# Name of the model whose vectors are stored, or None -> name and model to use.
OpenEmbedder = Callable[[str | None], tuple[str, Embedder]]


@dataclass(frozen=True, slots=True)
class _Index:
    embedder: Embedder
    searcher: Searcher
    builder: IndexBuilder


class EmbeddedSnapshot:
    """A snapshot over the allowed passages; the engine holds its lock meanwhile."""

    def __init__(
        self, store: Store, searcher: Searcher, index: IndexSnapshot, allowed: Ids | None, reranker: tuple[Reranker, int] | None
    ) -> None:
        """`reranker`: with the number of candidates that it orders."""
        self._store, self._searcher, self._index, self._allowed, self._reranker = store, searcher, index, allowed, reranker
        self._dense: list[tuple[Vector, Sequence[Ids]]] = []  # candidates of the vectors asked for so far

    def search(self, query: PreparedQuery) -> Ranking:
        # Without candidates there is nothing to reuse, and asking for the vector would wait for it.
        dense = self._candidates(query.vector) if self._dense else None
        ranking = self._searcher.rank(self._index, query, self._allowed, dense)
        if self._reranker is None or query.lexical_only:  # the re-ranker is not expected to read the language either
            return ranking
        return rerank(ranking, *self._reranker, self._store.passages)

    def best_similarity(self, vector: Vector) -> float:
        ids = self._candidates(vector)
        if ids is None:
            ids = self._index.nearest(vector, self._allowed)
            self._dense.append((vector, ids))
        return self._index.best_score(vector, ids)

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        return self._store.passages(ids)

    def _candidates(self, vector: Vector) -> Sequence[Ids] | None:
        return next((ids for known, ids in self._dense if known is vector), None)


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

    def documents_from(self, source: str) -> list[StoredDocument]:
        return self.store.documents_from(source)

    def sources(self, prefix: str) -> set[str]:
        return self.store.sources(prefix)

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
        source: str | None = None,
        source_hash: str | None = None,
        unless: Callable[[], bool] = lambda: False,
    ) -> PutOutcome:
        index = self._index()
        known = self.store.has_document(document_id)
        with self._lock.write() if known else nullcontext():
            with self.database.transaction():
                if unless():
                    return "cancelled"
                fingerprint = index.embedder.fingerprint
                removed = self.store.put(document_id, document, passages, vectors, fingerprint, source, source_hash)
            index.searcher.refresh(removed)
            self._changes += 1
        return "replaced" if known else "added"

    def holds(self, document_id: str, document: Document) -> bool:
        try:
            return self.store.content(document_id) == document and self.store.is_intact(document_id)
        except DamagedRow:
            return False

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        return self.store.find_duplicate(version, excluding)

    def update_source(self, document_id: str, source: str | None, source_hash: str | None) -> None:
        if self.store.update_source(document_id, source, source_hash):
            self._filters.forget()
            self._changes += 1

    def remove(self, document_id: str) -> bool:
        index = self._index()
        with self._lock.write():
            with self.database.transaction():
                cancelled = self.jobs.cancel(document_id)
                known = self.store.has_document(document_id)
                removed = self.store.remove(document_id)
            index.searcher.refresh(removed)
            self._changes += 1
        return known or cancelled > 0

    def maintain(self) -> None:
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
