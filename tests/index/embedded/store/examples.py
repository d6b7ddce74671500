"""Documents to store, and ways to store and read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from corpus.types import Document, Heading, Passage
from index.embedded.store.store import Store
from index.types import Matrix

DOCUMENT = Document(
    text="Fees\nAn adult pays £82.80. A child pays less.",
    title="Passport fees",
    headings=(Heading(0, 4, 1, "Fees", "fees"),),
    pages=(0, 5),
    id="fees",
    url="https://example.org/fees",
    date="2025-07-21",
    type="guidance",
    language="en",
    metadata={"publisher": "HMPO", "tags": ["a", "b"], "year": 2025, "share": 0.5, "open": True},
)


OTHER = replace(DOCUMENT, text="Wizards live in towers. They have no fees.", title="Wizards", id="other", headings=(), pages=())


FILE = "store.sqlite"


def passages_of(document: Document, size: int = 20) -> list[Passage]:
    """Spans of `size` characters."""
    starts = range(0, len(document.text), size)
    spans = [(start, min(start + size, len(document.text))) for start in starts]
    return [Passage(a, b, document.text[a:b], ("Fees",), document.title, 1, "fees") for a, b in spans]


def vectors_for(passages: list[Passage]) -> Matrix:
    vectors = np.random.default_rng(len(passages)).normal(size=(len(passages), 4)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def put(store: Store, document: Document = DOCUMENT, fingerprint: str = "model", size: int = 20) -> None:
    """With passages of `size` characters."""
    passages = passages_of(document, size)
    store.put(str(document.id), document, passages, vectors_for(passages), fingerprint)


def stored_passages(store: Store, document_id: str = "fees") -> list[Passage]:
    return [stored.passage for stored in store.passages(store.passage_ids(document_id).tolist())]


def read_everything(store: Store) -> list[Any]:
    """Everything that can be read, in comparable form."""
    batches = [(ids.tolist(), texts, matrix.tolist()) for ids, texts, matrix in store.passages_since(0, "model")]
    return [store.documents(), [store.content(d.id) for d in store.documents()], stored_passages(store), batches]
