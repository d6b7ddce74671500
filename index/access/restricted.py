"""An engine as an audience sees it: what the audience may not read does not exist. Everything that a request reads goes through here."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from corpus.types import Document
from index.access.audience import Audience
from index.engine import Engine, Snapshot
from index.filters import Comparison, Filter, Scalar, both
from index.listing import DocumentPage, DocumentQuery, DocumentState
from index.ranking.query import PreparedQuery
from index.ranking.result import Ranking
from index.text.analysis import ENGLISH_ONLY
from index.types import DamagedRow, DocumentVersion, Embedder, StoredDocument, StoredPassage, Vector

# Up to so many documents are read one by one, more by a query.
FEW_DOCUMENTS = 10


class RestrictedSnapshot:
    """See `index.engine.Snapshot`."""

    def __init__(self, snapshot: Snapshot, audience: Audience) -> None:
        self._snapshot, self._audience = snapshot, audience

    def search(self, query: PreparedQuery) -> Ranking:
        return self._snapshot.search(query)

    def best_similarity(self, vector: Vector) -> float:
        return self._snapshot.best_similarity(vector)

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        return [stored for stored in self._snapshot.passages(ids) if self._audience.may_read(stored.document)]


class RestrictedEngine:
    """See `index.engine.EngineView`. A damaged document does not exist either: who may read it is not known."""

    def __init__(self, engine: Engine, audience: Audience) -> None:
        self._engine, self._audience = engine, audience

    @property
    def embedder(self) -> Embedder:
        return self._engine.embedder

    @property
    def generation(self) -> int:
        return self._engine.generation

    @property
    def version(self) -> Hashable:
        return self._audience, self._engine.version

    @property
    def degraded(self) -> bool:
        return self._engine.degraded

    def counts(self) -> tuple[int, int]:
        return self._engine.counts(self._audience)

    def known_languages(self) -> Sequence[tuple[Scalar, int]]:
        return self._engine.known_languages(self._audience)

    # Search

    def prepare(self, question: str, languages: Sequence[str] = ENGLISH_ONLY, *, spelling: bool = True) -> PreparedQuery:
        return self._engine.prepare(question, languages, spelling=spelling, audience=self._audience)

    @contextmanager
    def snapshot(self, allowed: Filter | None = None) -> Iterator[RestrictedSnapshot]:
        with self._engine.snapshot(allowed, self._audience) as snapshot:
            yield RestrictedSnapshot(snapshot, self._audience)

    def facets(self, key: str, allowed: Filter | None, limit: int) -> Sequence[tuple[Scalar, int]]:
        return self._engine.facets(key, both(self._audience, allowed), limit)

    # Documents

    def document(self, document_id: str) -> StoredDocument | None:
        with suppress(DamagedRow):
            stored = self._engine.document(document_id)
            if stored and self._audience.may_read(stored):
                return stored
        return None

    def page(self, query: DocumentQuery) -> DocumentPage:
        page = self._engine.page(replace(query, allowed=both(self._audience, query.allowed)))
        return replace(page, documents=[stored for stored in page.documents if self._audience.may_read(stored)])

    def states(self, document_ids: Sequence[str]) -> Mapping[str, DocumentState]:
        return self._engine.states(self._readable(document_ids))

    def content(self, document_id: str) -> Document | None:
        return self._engine.content(document_id) if self.document(document_id) else None

    def versions(self, document_id: str) -> list[DocumentVersion]:
        found = self._engine.versions(document_id) if self.document(document_id) else ()
        return [version for version in found if self._audience.may_read(version.stored)]

    def version_content(self, document_id: str, version: str) -> Document | None:
        is_readable = any(each.stored.version == version for each in self.versions(document_id))
        return self._engine.version_content(document_id, version) if is_readable else None

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        return [stored for stored in self._engine.passages(ids) if self._audience.may_read(stored.document)]

    def passages_of(self, document_id: str) -> Sequence[StoredPassage]:
        return self._engine.passages_of(document_id) if self.document(document_id) else []

    def passage_counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        return self._engine.passage_counts(self._readable(document_ids))

    def original(self, document_id: str) -> bytes | None:
        return self._engine.original(document_id) if self.document(document_id) else None

    def _readable(self, document_ids: Sequence[str]) -> list[str]:
        """Those of the documents that the audience may read."""
        known: Collection[str]
        if len(document_ids) <= FEW_DOCUMENTS:
            known = {document_id for document_id in document_ids if self.document(document_id)}
        else:
            these = Comparison("in", "id", tuple(document_ids))
            known = {stored.id for stored in self.page(DocumentQuery(allowed=these, limit=len(document_ids))).documents}
        return [document_id for document_id in document_ids if document_id in known]
