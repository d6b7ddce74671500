"""Fixtures of the index tests: stores that are closed after each test, and a function that stores a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.splitting.passages import split
from corpus.types import Document
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import Embedder, Ids

OpenStore = Callable[..., Store]
PutDocument = Callable[[Store, str, Document], Ids]


@pytest.fixture
def open_store() -> Iterator[OpenStore]:
    """Open the store of a folder, with `create=True` a new one, with `read_only=True` for reading."""
    opened: list[Database] = []

    def open_it(folder: Path, **options: bool) -> Store:
        database = Database(folder, **options)
        opened.append(database)
        return Store(database)

    yield open_it
    for database in opened:
        database.close()


@pytest.fixture(scope="session")
def put_document(embedder: Embedder) -> PutDocument:
    """Split, embed and store a document; returns the ids of the passages that it replaces."""

    def put(store: Store, document_id: str, document: Document) -> Ids:
        passages = split(document, embedder, embedder.max_tokens)
        vectors = embedder.embed_passages([passage.searchable_text for passage in passages])
        return store.put(document_id, document, passages, vectors, embedder.fingerprint)

    return put
