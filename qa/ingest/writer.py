"""The corpus as it is kept: documents in and out, searchable at once, indexes rebuilt as they fall behind. The only writer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np

from corpus.splitting.passages import split
from corpus.types import Document, Passage, QuotableError, ReadError
from index.embedded.folder_lock import FolderLock
from index.embedded.policy import DEFAULT, Policy
from index.embedded.searcher import Searcher
from index.embedded.segments.builder import IndexBuilder
from index.embedded.store.database import Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.store import Store
from index.types import DamagedRow, Embedder, Matrix

# Passages embedded in one go when many documents come: enough to keep every core busy, few enough to be stored soon.
EMBEDDED_AT_ONCE = 256
# Passages of one document embedded before it is looked whether it is still wanted: some seconds.
EMBEDDED_BETWEEN_LOOKS = 256

MAX_ID = 500

_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


class Outcome(StrEnum):
    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    CANCELLED = "cancelled"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class IncomingDocument:
    """A document to be stored under an id. `source_hash` is the SHA-256 of the file or body that it was read from."""

    id: str
    document: Document
    source: str | None = None
    source_hash: str | None = None


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of an entry; `duplicate_of` names another document with the very same text."""

    id: str
    outcome: Outcome
    passages: int = 0
    duplicate_of: str | None = None


class DocumentWriter:
    """Holds the folder's lock until `close`. Safe to use from several threads; searches go on meanwhile."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        embedder: Embedder,
        searcher: Searcher,
        lock: FolderLock,
        policy: Policy = DEFAULT,
    ) -> None:
        self.folder = folder
        self.store = Store(database)
        self.jobs = JobQueue(database)
        self.searcher = searcher
        self.database = database
        self._embedder = embedder
        self._lock = lock
        self._builder = IndexBuilder(generations_folder(folder), self.store, searcher, embedder, policy)

    def put(self, entry: IncomingDocument) -> PutResult:
        """Store one document and make it searchable; when this returns it is on disk and found.

        Raises ReadError for a document without text, StoreError where it cannot be written.
        """
        return next(self.put_all([entry]))

    def put_all(
        self, entries: Iterable[IncomingDocument], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[PutResult]:
        """Store documents in their order, embedding those that stand together; each is on disk and found when it is told of.

        Nothing is stored any more once `cancelled()`, which is asked inside the transaction that would store it.
        """
        for group in _groups(self._prepared(entries)):
            vectors = self._embedded([passage for _, passages in group for passage in passages], cancelled)
            if vectors is None:
                yield PutResult(group[0][0].id, Outcome.CANCELLED)
                return
            first = 0
            for entry, passages in group:
                yield self._place(entry, passages, vectors[first : first + len(passages)], cancelled)
                first += len(passages)

    def remove(self, document_id: str) -> bool:
        """Remove a document, and cancel what would bring it; False where there was neither.

        From the moment this returns nothing of it is found.
        """
        with self.store.turns.changing():
            with self.database.transaction():
                cancelled = self.jobs.cancel(document_id)
                known = self.store.has_document(document_id)
                removed = self.store.remove(document_id)
            self.searcher.refresh(removed)
        return known or cancelled > 0

    def build_if_behind(self) -> None:
        """Build a segment of the index where too much is searched without one."""
        self._builder.build_if_behind()

    def build(self) -> None:
        """Build the whole index anew from the store and search it."""
        self._builder.build()

    def wait_for_merges(self) -> None:
        """Until no segments of the index are being merged, as they are beside everything else."""
        self._builder.wait()

    def close(self) -> None:
        self._builder.close()
        self.database.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepared(self, entries: Iterable[IncomingDocument]) -> Iterator[tuple[IncomingDocument, list[Passage]]]:
        """Entries with their passages; without any where the very same document is stored already."""
        for entry in entries:
            document = replace(entry.document, id=entry.id)
            if self._holds(document, entry.id):
                yield entry, []
                continue
            passages = split(document, self._embedder, self._embedder.max_tokens)
            if not passages:
                raise ReadError(f"{entry.id} holds no text")
            yield replace(entry, document=document), passages

    def _holds(self, document: Document, document_id: str) -> bool:
        """Whether this very document is stored already, whole."""
        try:
            return self.store.content(document_id) == document and self.store.is_intact(document_id)
        except DamagedRow:
            return False

    def _embedded(self, passages: Sequence[Passage], cancelled: Callable[[], bool]) -> Matrix | None:
        """Some at a time, because a large document takes minutes; None where it is cancelled meanwhile."""
        parts = [self._embedder.embed_passages([])]
        for first in range(0, len(passages), EMBEDDED_BETWEEN_LOOKS):
            if cancelled():
                return None
            some = passages[first : first + EMBEDDED_BETWEEN_LOOKS]
            parts.append(self._embedder.embed_passages([passage.searchable_text for passage in some]))
        return np.concatenate(parts)

    def _place(
        self, entry: IncomingDocument, passages: list[Passage], vectors: Matrix, cancelled: Callable[[], bool]
    ) -> PutResult:
        if not passages:
            self.store.update_source(entry.id, entry.source, entry.source_hash)
            return PutResult(entry.id, Outcome.UNCHANGED)
        known = self.store.has_document(entry.id)
        with self.store.turns.changing() if known else nullcontext():
            with self.database.transaction():
                if cancelled():
                    return PutResult(entry.id, Outcome.CANCELLED)
                removed = self.store.put(
                    entry.id, entry.document, passages, vectors, self._embedder.fingerprint, entry.source, entry.source_hash
                )
            self.searcher.refresh(removed)
        duplicate_of = self.store.find_duplicate(entry.document.version, excluding=entry.id)
        return PutResult(entry.id, Outcome.REPLACED if known else Outcome.ADDED, len(passages), duplicate_of)


def generations_folder(folder: Path) -> Path:
    return folder / "generations"


def id_for_file(path: Path) -> str:
    """The file's name and eight digits of its full path's SHA-256: readable, fit for a URL, the same for the same path."""
    return readable_id(path.stem, str(path.resolve()).encode(errors="surrogateescape"))


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
    if document_id.endswith("/text") or document_id in (".", ".."):
        raise InvalidDocumentId('must not be "." or "..", nor end in "/text"')


def readable_id(name: str, identity: bytes) -> str:
    """Words of the name and eight digits of a SHA-256, for documents that nobody gave an id."""
    words = _NOT_PLAIN.sub("-", name.lower()).strip("-")[:60].strip("-") or "document"
    return f"{words}-{hashlib.sha256(identity).hexdigest()[:8]}"


def _groups(
    prepared: Iterable[tuple[IncomingDocument, list[Passage]]],
) -> Iterator[Sequence[tuple[IncomingDocument, list[Passage]]]]:
    """Runs of entries with some EMBEDDED_AT_ONCE passages together."""
    group: list[tuple[IncomingDocument, list[Passage]]] = []
    waiting = 0
    for entry, passages in prepared:
        group.append((entry, passages))
        waiting += len(passages)
        if waiting >= EMBEDDED_AT_ONCE:
            yield group
            group, waiting = [], 0
    if group:
        yield group
