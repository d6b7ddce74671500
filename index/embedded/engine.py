"""The embedded engine in any process: searches, and changes documents, in a folder that another process may own.

The store is the truth and orders the changes of all processes; every search follows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from corpus.types import Document, Passage
from index.access.audience import Audience
from index.embedded import originals
from index.embedded.filtering.readable import Readable
from index.embedded.folder_lock import FolderLock, SharedLock, is_held
from index.embedded.follower import Follower, OpenIndex, rebuild_by_owner
from index.embedded.originals import Originals
from index.embedded.policy import Policy
from index.embedded.searcher import EmbeddedSnapshot
from index.embedded.segments import generations
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.store import Store
from index.engine import KEPT_VERSIONS, DocumentCopy, EngineStatus, PutOutcome
from index.filters import MOST_LANGUAGES, Filter, Scalar
from index.jobs import Job, JobKind
from index.listing import DocumentPage, DocumentQuery, DocumentState
from index.ranking.query import PreparedQuery
from index.ranking.result import Ranking
from index.text.analysis import ENGLISH_ONLY
from index.types import (
    NO_EDITS,
    NO_ORIGIN,
    DamagedRow,
    DocumentVersion,
    Embedder,
    Matrix,
    Origin,
    Reranker,
    StoredDocument,
    StoredPassage,
)

# Name of the model whose vectors are stored, or None -> name and model to use.
OpenEmbedder = Callable[[str | None], tuple[str, Embedder]]


class EmbeddedEngine:
    """See `index.engine.Engine`. The model is loaded by the first call that needs it."""

    def __init__(
        self,
        database: Database,
        open_embedder: OpenEmbedder,
        policy: Policy,
        reranker: Reranker | None = None,
        lock: FolderLock | SharedLock | None = None,
    ) -> None:
        """`lock`: released when the engine is closed; None for an engine that only reads."""
        self.database = database
        self.store = Store(database)
        self.jobs = JobQueue(database)
        self._originals = Originals(database)
        self._readable = Readable(database, policy)
        self._open_embedder, self._policy, self._folder_lock = open_embedder, policy, lock
        self._reranker = (reranker, policy.reranked) if reranker else None
        self._loading = threading.Lock()
        self._loaded: OpenIndex | None = None

    # Facts

    @property
    def embedder(self) -> Embedder:
        return self._index().embedder

    @property
    def generation(self) -> int:
        return self._index().searcher.number

    @property
    def version(self) -> tuple[int, int]:
        return self.generation, self.store.current_changes()

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

    def counts(self, allowed: Filter | None = None) -> tuple[int, int]:
        return self.store.counts() if allowed is None else self._readable.filters.counts(allowed)

    def languages(self) -> list[tuple[str | None, int]]:
        return self.store.languages()

    def known_languages(self, audience: Audience | None = None) -> Sequence[tuple[Scalar, int]]:
        return self._readable.filters.languages(audience)[:MOST_LANGUAGES]

    # Search

    def prepare(
        self, question: str, languages: Sequence[str] = ENGLISH_ONLY, *, spelling: bool = True, audience: Audience | None = None
    ) -> PreparedQuery:
        searcher = self._index().searcher
        if audience is None:  # without a read transaction
            return searcher.prepare(question, languages, spelling=spelling)
        with searcher.snapshot() as index:
            readable = self._readable.passages(index, audience)
            return searcher.prepare(question, languages, spelling=spelling, readable=readable)

    def search(self, query: PreparedQuery, allowed: Filter | None = None, audience: Audience | None = None) -> Ranking:
        with self.snapshot(allowed, audience) as snapshot:
            return snapshot.search(query)

    @contextmanager
    def snapshot(self, allowed: Filter | None = None, audience: Audience | None = None) -> Iterator[EmbeddedSnapshot]:
        searcher = self._index().searcher
        with searcher.snapshot() as index:
            ids, statistics = self._readable.select(index, allowed, audience)
            yield EmbeddedSnapshot(self.store, searcher, index, ids, statistics, self._reranker)

    def facets(self, key: str, allowed: Filter | None, limit: int) -> Sequence[tuple[Scalar, int]]:
        return self._readable.filters.facet(key, allowed, limit)

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

    def versions(self, document_id: str) -> list[DocumentVersion]:
        return self.store.versions(document_id)

    def version_content(self, document_id: str, version: str) -> Document | None:
        return self.store.version_content(document_id, version)

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
        edits: Mapping[str, Any] = NO_EDITS,
        unless: Callable[[], bool] = lambda: False,
        by: str | None = None,
        keep_versions: int = KEPT_VERSIONS,
    ) -> PutOutcome:
        fingerprint = self.embedder.fingerprint
        original = self._original(document_id)
        with self.database.transaction():
            if unless():
                return "cancelled"
            known = self.store.has_document(document_id)
            self.store.put(document_id, document, passages, vectors, fingerprint, origin, edits, by, keep_versions)
        self._originals.delete_unreferenced(original)
        return "replaced" if known else "added"

    def export(self, document_id: str) -> DocumentCopy | None:
        return self.store.export(document_id)

    def put_copies(self, copies: Sequence[DocumentCopy]) -> None:
        originals = [self._original(copy.stored.id) for copy in copies]
        with self.database.transaction():
            for copy in copies:
                self.store.put_copy(copy)
        for original in originals:
            self._originals.delete_unreferenced(original)

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
            self._originals.delete_unreferenced(original)

    def edit(self, document_id: str, changes: Mapping[str, Any]) -> tuple[StoredDocument, Job | None] | None:
        with self.database.transaction():
            before, edited = self.store.document(document_id), self.store.edit(document_id, changes)
            if before is None or edited is None:
                return None
            is_renamed = edited.title != before.title
            job = self.jobs.accept(edited.title, b"", document_id, JobKind.EDIT) if is_renamed else None
        return edited, job

    def remove(self, document_id: str, *, keep_jobs: bool = False) -> bool:
        original = self._original(document_id)
        with self.database.transaction():
            cancelled = 0 if keep_jobs else self.jobs.cancel(document_id)
            known = self.store.has_document(document_id)
            self.store.remove(document_id)
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
        """The process that owns the folder does so when it sees the changes."""

    def rebuild(self) -> None:
        """Ask the process that owns the folder, and wait. Raises StoreError if it cannot, or if there is none."""
        rebuild_by_owner(self.store)

    def close(self) -> None:
        """Close the database and release the folder."""
        if self._loaded and self._loaded.follower:
            self._loaded.follower.stop()
        self.database.close()
        if self._folder_lock:
            self._folder_lock.release()

    def _original(self, document_id: str) -> str | None:
        stored = self.store.intact_document(document_id)
        return stored.original if stored else None

    def _index(self) -> OpenIndex:
        """Model and indexes, loaded when they are first needed. Raises ModelError or FingerprintMismatch."""
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    name, embedder = self._open_embedder(self.store.model)
                    self.store.check_fingerprint(embedder.fingerprint)
                    self._loaded = self._load(name, embedder)
        return self._loaded

    def _load(self, _name: str, embedder: Embedder) -> OpenIndex:
        follower = Follower(self.store, embedder, self._policy)
        return OpenIndex(embedder, follower.searcher, follower)
