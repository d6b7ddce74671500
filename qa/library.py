"""The corpus as it is kept: documents in and out, searchable at once, indexes rebuilt as they fall behind. The only writer."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from corpus.splitter import split
from corpus.types import Document, ReadError
from index import generations
from index.folder_lock import FolderLock
from index.searcher import Searcher
from index.store import Store
from index.types import Embedder

# Passages searched exactly before a new generation is built: a tenth of the corpus, within these bounds.
LEAST_UNBUILT, MOST_UNBUILT = 200, 2_000

_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


class Outcome(StrEnum):
    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


class Library:
    """Holds the folder's lock until `close`. One thread at a time may change it; searches go on meanwhile."""

    def __init__(self, folder: Path, store: Store, embedder: Embedder, searcher: Searcher, lock: FolderLock) -> None:
        self.folder = folder
        self.store = store
        self.searcher = searcher
        self._embedder = embedder
        self._lock = lock

    def put(self, document_id: str, document: Document, source: str | None = None) -> Outcome:
        """Store a document and make it searchable; when this returns it is on disk and found.

        Raises ReadError for a document without text, StoreError where it cannot be written.
        """
        document = replace(document, id=document_id)
        stored = self.store.content(document_id)
        if stored == document:
            return Outcome.UNCHANGED
        passages = split(document, self._embedder, self._embedder.max_tokens)
        if not passages:
            raise ReadError(f"{document_id} holds no text")
        vectors = self._embedder.embed_passages([passage.searchable_text for passage in passages])
        self.searcher.apply(self.store.put(document_id, document, passages, vectors, self._embedder.fingerprint, source))
        return Outcome.REPLACED if stored else Outcome.ADDED

    def remove(self, document_id: str) -> bool:
        """Remove a document; False where there is none. From the moment this returns nothing of it is found."""
        change = self.store.remove(document_id)
        self.searcher.apply(change)
        return bool(len(change.removed))

    def build_if_behind(self) -> None:
        """Build a generation where there is none, or where too much is searched without one."""
        _, passages = self.store.counts()
        behind = self.searcher.unbuilt
        if behind and (self.searcher.generation == 0 or behind > min(max(passages // 10, LEAST_UNBUILT), MOST_UNBUILT)):
            self.build()

    def build(self) -> None:
        """Build the next generation from the store and search it."""
        folder = generations_folder(self.folder)
        self.searcher.adopt(generations.build(folder, self.store, self._embedder.fingerprint, self._embedder.dimension))

    def close(self) -> None:
        self.store.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def generations_folder(folder: Path) -> Path:
    return folder / "generations"


def id_for_file(path: Path) -> str:
    """The file's name and eight digits of its full path's SHA-256: readable, fit for a URL, the same for the same path."""
    digest = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()
    return f"{slug(path.stem)}-{digest[:8]}"


def slug(name: str) -> str:
    return _NOT_PLAIN.sub("-", name.lower()).strip("-")[:60] or "document"
