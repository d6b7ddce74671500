"""Self-test of a new segment before it is served: a sample of its passages must be found and scored as the store's data say."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from index.embedded.dense.protocol import DenseIndex
from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.lexical.protocol import LexicalIndex
from index.embedded.store.passages import indexed_text
from index.embedded.store.store import Store
from index.text.analysis import passage_terms
from index.types import Ids, IndexedText, LexicalQuery, Vector

if TYPE_CHECKING:
    from index.embedded.segments.segments import Segment

PROBES = 64  # passages
TERMS = 8  # of a passage, in one query
NEAREST = 100
# Share of the probes. An approximate index misses some where many vectors are alike: of 61,000 passages with 16 dimensions one in eight.
# In one that was built from other vectors next to none is found.
MIN_FOUND = 0.75
TOLERANCE = 1e-3  # between the index's scores and exact ones


def matches_store(segment: Segment, store: Store, fingerprint: str) -> bool:
    """Whether sampled passages are found by their own vectors and have the cosines and lexical features of the stored data."""
    ids = _sample(segment.vectors.ids)
    vectors = store.vectors(ids, fingerprint)
    probes = [stored for stored in store.passages(ids) if stored.id in vectors]  # without those removed since the build
    texts = {p.id: indexed_text(p.document, p.passage) for p in probes}
    equal = [_has_vector(segment.vectors, i, vectors[i]) for i in texts]
    equal += [_scores_exactly(segment.lexical, i, text) for i, text in texts.items()]
    found = [_finds(segment.vectors, i, vectors[i]) for i in texts]
    return all(equal) and sum(found) >= MIN_FOUND * len(found)


def _sample(ids: Ids) -> list[int]:
    """PROBES ids, evenly spaced."""
    places = np.unique(np.linspace(0, len(ids) - 1, min(PROBES, len(ids))).astype(np.int64))
    return [int(i) for i in ids[places]]


def _has_vector(index: DenseIndex, passage_id: int, vector: Vector) -> bool:
    return abs(float(index.scores(vector, np.array([passage_id], np.int64))[0]) - 1) < TOLERANCE


def _finds(index: DenseIndex, passage_id: int, vector: Vector) -> bool:
    nearest = index.search(vector, NEAREST)
    # NEAREST passages with the same words may crowd it out.
    crowded = len(nearest) == NEAREST and index.scores(vector, nearest).min() >= 1 - TOLERANCE
    return crowded or passage_id in nearest


def _scores_exactly(index: LexicalIndex, passage_id: int, text: IndexedText) -> bool:
    weights = tuple((term, 1.0) for term in dict.fromkeys(passage_terms("", text.body, text.language)[1][:TERMS]))
    query, ids = LexicalQuery(weights, (), index.total_length / max(len(index), 1)), np.array([passage_id], np.int64)
    exact = BruteForceLexicalIndex()
    exact.add(ids, [text])
    actual, expected = index.match(query, ids), exact.match(query, ids)
    return all(np.allclose(getattr(actual, f.name), getattr(expected, f.name), atol=TOLERANCE) for f in fields(actual))
