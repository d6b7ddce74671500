"""Embed the passages that have no undamaged vector of a model.

Vectors of a new model are stored beside those of the old one, in small transactions, so that a killed run can resume; afterwards
`Store.set_model` switches to them in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.embedded.store.store import Store
from index.types import Embedder

# Passages embedded per transaction: some seconds of work, the most that a killed run loses.
EMBEDDED_AT_ONCE = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Embedded:
    """`new`: number of passages embedded; `cut`: number of those longer than the model reads."""

    new: int
    cut: int


def embed_missing(store: Store, embedder: Embedder, progress: Progress) -> Embedded:
    """Embed every undamaged passage without an undamaged vector of this model. `progress`: called with the numbers done and in total."""
    _, total = store.counts()
    done = new = cut = 0
    for ids in store.ids_in_batches():
        there = store.vectors(ids, embedder.fingerprint)
        done += len(there)
        progress(done, total)
        for some in _parts([i for i in ids if i not in there]):
            texts = {stored.id: stored.passage.searchable_text for stored in store.passages(some)}
            vectors = embedder.embed_passages(list(texts.values()))
            store.put_vectors(embedder.fingerprint, dict(zip(texts, vectors, strict=True)))
            done, new = done + len(some), new + len(texts)
            cut += sum(count > embedder.max_tokens for count in embedder.count_tokens(list(texts.values())))
            progress(done, total)
    return Embedded(new, cut)


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + EMBEDDED_AT_ONCE] for first in range(0, len(ids), EMBEDDED_AT_ONCE))
