"""Store documents: split, embed and put them into the engine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Self

import numpy as np

from corpus.splitting.passages import split
from corpus.types import Document, Passage, QuotableError, ReadError
from index.documents import with_edits
from index.engine import KEPT_VERSIONS, Engine
from index.types import DEFAULT_COLLECTION, NO_ORIGIN, DamagedRow, Matrix, Origin, StoredDocument
from qa.audit import AuditLog, Change

# Passages of consecutive documents embedded together: enough to keep every core busy, few enough to be stored soon.
EMBEDDED_TOGETHER = 256
# Passages of one document embedded between two checks for cancellation: some seconds of work.
EMBEDDED_BETWEEN_CHECKS = 256

MAX_ID = 500

_ENDS_AS_ROUTE = re.compile(r"/(text|original|versions(/sha256:[0-9a-f]{64})?)$")
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


class Outcome(StrEnum):
    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    CANCELLED = "cancelled"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class IncomingDocument:
    """A document to store under an id. `edits`: as in `Engine.put`."""

    id: str
    document: Document
    origin: Origin = NO_ORIGIN
    edits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutResult:
    """The outcome for one document. `duplicate_of`: id of another document with the same text."""

    id: str
    outcome: Outcome
    passages: int = 0
    duplicate_of: str | None = None


class DocumentWriter:
    """Writes documents to an engine, which it closes. Several threads may use it; searches go on meanwhile."""

    def __init__(
        self,
        engine: Engine,
        *,
        keep_originals: bool = True,
        keep_versions: int = KEPT_VERSIONS,
        audit: AuditLog | None = None,
    ) -> None:
        """`keep_originals`: of the files that documents are read from. `keep_versions`: earlier texts of a document that stay.

        `audit`: where added, replaced and removed documents are logged.
        """
        self.engine = engine
        self.keep_originals, self.keep_versions = keep_originals, keep_versions
        self.audit = audit or AuditLog()

    def by(self, who: str | None) -> DocumentWriter:
        """The same writer, in the name of someone else in the audit log; None for the same one."""
        by = self.audit.by(who)
        return DocumentWriter(self.engine, keep_originals=self.keep_originals, keep_versions=self.keep_versions, audit=by)

    def put(self, document: IncomingDocument) -> PutResult:
        """Store one document; when this returns it is on disk and found.

        Raises ReadError for a document without text, StoreError if it cannot be written.
        """
        return next(self.put_all([document]))

    def put_all(
        self, documents: Iterable[IncomingDocument], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[PutResult]:
        """Store documents in their order, embedding small ones together; each is on disk and found when its result is yielded.

        `cancelled` is also called inside the transaction that stores a document; once it returns true, nothing more is stored.
        """
        for group in _groups(self._split(documents)):
            vectors = self._embed([passage for _, passages in group for passage in passages], cancelled)
            if vectors is None:
                yield PutResult(group[0][0].id, Outcome.CANCELLED)
                return
            first = 0
            for document, passages in group:
                result = self._store(document, passages, vectors[first : first + len(passages)], cancelled)
                first += len(passages)
                if result.outcome in (Outcome.ADDED, Outcome.REPLACED):
                    self.record(result)
                yield result

    def put_again(self, document_id: str, cancelled: Callable[[], bool] = lambda: False) -> Iterator[PutResult]:
        """Store a document again, with its present title in its passages; nothing if it was removed. Raises DamagedRow."""
        stored, document = self.engine.document(document_id), self.engine.content(document_id)
        if stored is None or document is None:
            return
        embedder = self.engine.embedder
        passages = split(document, embedder, embedder.max_tokens)
        vectors = self._embed(passages, cancelled)
        if vectors is None:
            yield PutResult(document_id, Outcome.CANCELLED)
        else:
            yield self._store(IncomingDocument(document_id, document, stored.origin), passages, vectors, cancelled)

    def edit(self, document: StoredDocument, edits: Mapping[str, Any]) -> None:
        """Edit a stored document, as in `Engine.put`, where that changes it."""
        changed = {**document.edits, **edits} != document.edits
        if changed and (edited := self.engine.edit(document.id, edits)):
            self.audit.record_edit(edited[0], edits)

    def record(self, result: PutResult) -> None:
        """Log what became of a document that was added."""
        collection = str(self._edits(result.id).get("collection", DEFAULT_COLLECTION))
        self.audit.record(Change.ADD, result.outcome, documents=[result.id], collection=collection)

    def record_removal(self, document: StoredDocument) -> None:
        """Log that a document was removed."""
        self.audit.record(Change.REMOVE, Outcome.REMOVED, documents=[document.id], collection=document.collection)

    def close(self) -> None:
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _split(self, documents: Iterable[IncomingDocument]) -> Iterator[tuple[IncomingDocument, list[Passage]]]:
        """Documents with their passages; without any if the very same document is stored already."""
        embedder = self.engine.embedder
        for incoming in documents:
            document = with_edits(replace(incoming.document, id=incoming.id), self._edits(incoming.id))
            if self.engine.holds(incoming.id, document):
                yield incoming, []
                continue
            passages = split(document, embedder, embedder.max_tokens)
            if not passages:
                raise ReadError(f"{incoming.id} holds no text")
            yield replace(incoming, document=document), passages

    def _edits(self, document_id: str) -> Mapping[str, Any]:
        with suppress(DamagedRow):
            stored = self.engine.document(document_id)
            return stored.edits if stored else {}
        return {}

    def _embed(self, passages: Sequence[Passage], cancelled: Callable[[], bool]) -> Matrix | None:
        """In parts, because a large document takes minutes; None if it is cancelled meanwhile."""
        embedder = self.engine.embedder
        parts = [embedder.embed_passages([])]
        for first in range(0, len(passages), EMBEDDED_BETWEEN_CHECKS):
            if cancelled():
                return None
            part = passages[first : first + EMBEDDED_BETWEEN_CHECKS]
            parts.append(embedder.embed_passages([passage.searchable_text for passage in part]))
        return np.concatenate(parts)

    def _store(
        self, incoming: IncomingDocument, passages: list[Passage], vectors: Matrix, cancelled: Callable[[], bool]
    ) -> PutResult:
        engine, document = self.engine, incoming.document
        if not passages:
            engine.update_origin(incoming.id, incoming.origin)
            if incoming.edits and (stored := engine.document(incoming.id)):
                self.edit(stored, incoming.edits)
            return PutResult(incoming.id, Outcome.UNCHANGED)
        put = engine.put(
            *(incoming.id, document, passages, vectors),
            origin=incoming.origin,
            edits=incoming.edits,
            unless=cancelled,
            by=self.audit.who,
            keep_versions=self.keep_versions,
        )
        outcome = Outcome(put)
        if outcome is Outcome.CANCELLED:
            return PutResult(incoming.id, outcome)
        duplicate_of = engine.find_duplicate(document.version, excluding=incoming.id)
        return PutResult(incoming.id, outcome, len(passages), duplicate_of)


def id_for_source(source: str) -> str:
    """The file's name and eight digits of the SHA-256 of its path below the folder that was added: the same for the same name."""
    return readable_id(PurePath(source).stem, source.encode())


def id_for_location(location: str) -> str:
    """The same for one of several files with the same name, by its full path."""
    return readable_id(PurePath(location).stem, location.encode())


def id_for_address(url: str) -> str:
    """The last word of its path, or its host, and eight digits of its SHA-256: the same for the same address."""
    parts = [part for part in url.partition("?")[0].split("/") if part]
    return readable_id(parts[-1] if parts else "", url.encode())


class InvalidDocumentId(QuotableError, ValueError):
    """A document id that cannot be used in an address. The message completes "the id …"."""


def check_document_id(document_id: str) -> None:
    """Raise InvalidDocumentId for an id that cannot be used in an address or clashes with a route."""
    if not document_id.strip() or len(document_id) > MAX_ID or not document_id.isprintable():
        raise InvalidDocumentId(f"must have 1 to {MAX_ID} printable characters")
    if document_id in (".", "..") or _ENDS_AS_ROUTE.search(document_id):
        raise InvalidDocumentId('must not be "." or "..", nor end in "/text", "/original" or "/versions", as addresses do')


def readable_id(name: str, identity: bytes) -> str:
    """Words of the name and eight digits of a SHA-256, for documents that nobody gave an id."""
    words = _NOT_PLAIN.sub("-", name.lower()).strip("-")[:60].strip("-") or "document"
    return f"{words}-{hashlib.sha256(identity).hexdigest()[:8]}"


def _groups(
    documents: Iterable[tuple[IncomingDocument, list[Passage]]],
) -> Iterator[Sequence[tuple[IncomingDocument, list[Passage]]]]:
    """Runs of documents with at least EMBEDDED_TOGETHER passages."""
    group: list[tuple[IncomingDocument, list[Passage]]] = []
    waiting = 0
    for document, passages in documents:
        group.append((document, passages))
        waiting += len(passages)
        if waiting >= EMBEDDED_TOGETHER:
            yield group
            group, waiting = [], 0
    if group:
        yield group
