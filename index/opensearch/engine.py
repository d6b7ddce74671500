"""The engine on a cluster. Any number of processes open it at once; none of them keeps state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, replace
from typing import Any

from corpus.types import Document, Passage
from index.access.audience import Audience
from index.documents import edited_document, new_document
from index.engine import KEPT_VERSIONS, DocumentCopy, EngineStatus, PutOutcome
from index.filters import MOST_LANGUAGES, Filter, Scalar, both
from index.jobs import Job, JobKind
from index.lru import LRU
from index.opensearch.connection import Connection
from index.opensearch.documents.mapping import CHANGES, check_fingerprint, create, require_in_use
from index.opensearch.documents.records import Records
from index.opensearch.documents.rows import MAX_PASSAGES
from index.opensearch.documents.writing import NewDocument, Writer
from index.opensearch.reading import ClusterReading
from index.opensearch.search.searcher import ClusterSnapshot, Searcher
from index.opensearch.search.views import Views
from index.opensearch.state.originals import ClusterOriginals
from index.opensearch.sweeping import sweep
from index.ranking.query import PreparedQuery, embed_together
from index.ranking.result import Ranking
from index.text.analysis import ENGLISH_ONLY
from index.types import (
    NO_EDITS,
    NO_ORIGIN,
    DamagedRow,
    Embedder,
    FingerprintMismatch,
    Matrix,
    Origin,
    Reranker,
    StoredDocument,
)

# Name of the model whose vectors are stored, or None -> name and model to use.
OpenEmbedder = Callable[[str | None], tuple[str, Embedder]]

SWEEP_SECONDS = 3_600.0
LANGUAGES_SECONDS = 10.0
AUDIENCES = 64  # those that asked last


class ClusterEngine(ClusterReading):
    """See `index.engine.Engine`. The model is loaded by the first call that needs it, and the index is created by the first that stores."""

    def __init__(
        self, connection: Connection, open_embedder: OpenEmbedder, reranker: Reranker | None = None, index: str | None = None
    ) -> None:
        """`index`: one beside the index in use, with vectors of another model."""
        super().__init__(connection, Records(connection, index))
        self._originals = ClusterOriginals(connection, self._is_referenced)
        self._writer = Writer(connection, self.records)
        self._views = Views(connection, self.records)
        self._open_embedder, self._reranker = open_embedder, reranker
        self._loading = threading.Lock()
        self._searcher: Searcher | None = None
        self._swept = time.monotonic()
        self._languages: LRU[Audience | None, tuple[float, Sequence[tuple[Scalar, int]]]] = LRU(AUDIENCES)

    # Facts

    @property
    def embedder(self) -> Embedder:
        return self._open().embedder

    @property
    def generation(self) -> int:
        return self.records.facts.generation if self.records.facts else 0

    @property
    def version(self) -> tuple[int, int, bool]:
        return self.generation, self.connection.counter(CHANGES), self.records.health.lacks_shards()

    @property
    def degraded(self) -> bool:
        """Whether copies of shards are missing; then everything is still there, or what is there is served."""
        return self.records.health.is_degraded()

    @property
    def is_new(self) -> bool:
        return self.connection.counter(CHANGES) == 0

    def status(self) -> EngineStatus:
        facts = self.records.facts
        documents, passages = self.counts()
        return EngineStatus(
            documents=documents,
            passages=passages,
            generation=facts.generation if facts else 0,
            segments=self.connection.address.shards if facts else 0,
            unindexed=0,
            recall=None,
            model=facts.model if facts else None,
            fingerprint=facts.fingerprint if facts else None,
            degraded=self.degraded,
            jobs_waiting=self.jobs.waiting(),
            jobs_failed=self.jobs.failed(),
            written=False,
        )

    def counts(self, allowed: Filter | None = None) -> tuple[int, int]:
        totals = self.records.totals(allowed)
        return totals.documents, totals.passages

    def languages(self) -> list[tuple[str | None, int]]:
        return self.records.languages()

    def known_languages(self, audience: Audience | None = None) -> Sequence[tuple[Scalar, int]]:
        counted, found = self._languages.get(audience) or (-LANGUAGES_SECONDS, ())
        if time.monotonic() - counted >= LANGUAGES_SECONDS:  # so that not every question asks for them
            found = self.facets("language", audience, MOST_LANGUAGES)
            self._languages.put(audience, (time.monotonic(), found))
        return found

    # Search

    def prepare(
        self, question: str, languages: Sequence[str] = ENGLISH_ONLY, *, spelling: bool = True, audience: Audience | None = None
    ) -> PreparedQuery:
        """The spelling is not corrected: that needs every word of the documents in each process."""
        vector = embed_together(self.embedder, [question])
        facts = self.records.facts
        english = facts is not None and not facts.has_languages
        return PreparedQuery(question, lambda: vector, languages=ENGLISH_ONLY if english else tuple(languages))

    def search(self, query: PreparedQuery, allowed: Filter | None = None, audience: Audience | None = None) -> Ranking:
        with self.snapshot(allowed, audience) as snapshot:
            return snapshot.search(query)

    @contextmanager
    def snapshot(self, allowed: Filter | None = None, audience: Audience | None = None) -> Iterator[ClusterSnapshot]:
        with closing(ClusterSnapshot(self._open(), both(audience, allowed), audience)) as snapshot:
            yield snapshot

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
        if len(passages) != len(vectors) or len(passages) > MAX_PASSAGES:
            raise ValueError(f"{len(passages)} passages with {len(vectors)} vectors")
        self._open()
        record = self.records.record(document_id)
        previous = record.stored if record else None
        stored = new_document(document_id, document, origin, previous, edits)
        new = NewDocument(stored, document, passages, vectors, stored.title, edits, by, keep_versions)
        committed = self._writer.put([new], unless)
        if not committed or not committed[0]:  # or it was replaced or removed by a call that began later
            return "cancelled"
        self._delete_originals([previous])
        return "replaced" if previous else "added"

    def export(self, document_id: str) -> DocumentCopy | None:
        facts, record = self.records.facts, self.records.record(document_id)
        return self.records.copy(record, facts.fingerprint) if facts and record else None

    def put_copies(self, copies: Sequence[DocumentCopy]) -> None:
        embedder = self._open().embedder
        for copy in copies:
            if copy.fingerprint != embedder.fingerprint:
                raise FingerprintMismatch(f"{copy.stored.id!r} has vectors of another model than {self.connection.address}")
        before = self.records.records([copy.stored.id for copy in copies])
        new = [
            NewDocument(
                *(copy.stored, copy.document, copy.passages, copy.vectors, copy.stored.title),
                by=copy.by,
                since=copy.since,
                earlier=copy.earlier,
            )
            for copy in {copy.stored.id: copy for copy in copies}.values()
        ]
        if new:
            self._writer.put(new)
        self._delete_originals([record.stored for record in before])

    def holds(self, document_id: str, document: Document) -> bool:
        record = self.records.record(document_id)
        try:
            return (
                record is not None and self.records.content(record) == document and bool(self.records.passages_of(record) or 1)
            )
        except DamagedRow:
            return False

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        found = (record.stored.id for record in self.records.selected("version", version, 2))
        return next((document_id for document_id in found if document_id != excluding), None)

    def update_origin(self, document_id: str, origin: Origin) -> None:
        record = self.records.record(document_id)
        while record and record.stored.origin != origin:
            if self._writer.restate(record, replace(record.stored, **asdict(origin))):
                self._delete_originals([record.stored])
                return
            record = self.records.record(document_id)

    def edit(self, document_id: str, changes: Mapping[str, Any]) -> tuple[StoredDocument, Job | None] | None:
        while record := self.records.record(document_id):
            edited = edited_document(record.stored, changes)
            if edited == record.stored or self._writer.restate(record, edited):
                renamed = edited.title != record.stored.title
                return edited, self.jobs.accept(edited.title, b"", document_id, JobKind.EDIT) if renamed else None
        return None

    def remove(self, document_id: str, *, keep_jobs: bool = False) -> bool:
        cancelled = 0 if keep_jobs else self.jobs.cancel(document_id)
        record = self.records.record(document_id)
        if record:
            self._writer.remove(record)
            self._delete_originals([record.stored])
        return record is not None or cancelled > 0

    def keep_original(self, content: bytes) -> AbstractContextManager[str]:
        return self._originals.keep(content)

    def originals(self) -> tuple[int, int]:
        return self._originals.size()

    def original(self, document_id: str) -> bytes | None:
        stored = self.document(document_id)
        return self._originals.read(stored.original) if stored and stored.original else None

    def maintain(self) -> None:
        """Delete what crashes left over, now and then."""
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            require_in_use(self.connection, self.records.index)
            sweep(self.connection, self._writer, self.jobs, self._originals)

    def rebuild(self) -> None:
        """Delete what crashes left over, and let the cluster merge its segments."""
        self._open()
        require_in_use(self.connection, self.records.index)
        sweep(self.connection, self._writer, self.jobs, self._originals)
        self.connection.write("POST", f"/{self.records.index}/_forcemerge", params={"only_expunge_deletes": "true"})
        self.connection.next(CHANGES)

    def close(self) -> None:
        self._views.close()

    def _is_referenced(self, digest: str) -> bool:
        self.connection.request("POST", f"/{self.records.index}/_refresh", accept=(404,))
        return bool(self.records.selected("original", digest, 1))

    def _delete_originals(self, previous: Sequence[StoredDocument | None]) -> None:
        for stored in previous:
            if stored and stored.original:
                self._originals.delete_unreferenced(stored.original)

    def _open(self) -> Searcher:
        """Model and index, opened when they are first needed. Raises ModelError or FingerprintMismatch."""
        if self._searcher is None:
            with self._loading:
                if self._searcher is None:
                    facts = self.records.facts
                    name, embedder = self._open_embedder(facts.model if facts else None)
                    facts = facts or create(self.connection, embedder.fingerprint, name, embedder.dimension)
                    check_fingerprint(self.connection, facts, embedder.fingerprint)
                    self._searcher = Searcher(self._views, embedder, facts.generation, self._reranker)
        return self._searcher
