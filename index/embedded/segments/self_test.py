"""Does an index find what the store holds? Asked of passages spread over all of it, before the index takes over."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from index.embedded.dense.brute_force import ExactLexicalIndex
from index.embedded.store.passages import indexed_text
from index.embedded.store.store import Store
from index.text.analysis import terms
from index.types import DenseIndex, Ids, IndexedText, LexicalIndex, LexicalQuery, Vector

if TYPE_CHECKING:
    from index.embedded.segments.segments import Segment

PROBES = 16
TERMS = 8  # of a passage, asked for together
NEAREST = 100
# A passage's own vector is its nearest. An index that searches approximately may miss some.
LEAST_FOUND = 0.9
TOLERANCE = 1e-3  # between the index's scores and the exact ones


def matches_store(segment: Segment, store: Store, fingerprint: str) -> bool:
    """Whether passages are found by their own vectors and score as they do exactly, by cosine and by words."""
    ids = _spread(segment.vectors.ids)
    vectors = store.vectors(ids, fingerprint)
    probes = [stored for stored in store.passages(ids) if stored.id in vectors]  # less those removed since it was built
    texts = {p.id: indexed_text(p.document.title, p.passage, p.document.number) for p in probes}
    found = [_found(segment.vectors, i, vectors[i]) for i in texts]
    same = [_scores_as_exactly(segment.lexical, i, text) for i, text in texts.items()]
    return all(same) and sum(found) >= LEAST_FOUND * len(found)


def _spread(ids: Ids) -> list[int]:
    places = np.unique(np.linspace(0, len(ids) - 1, min(PROBES, len(ids))).astype(np.int64))
    return [int(i) for i in ids[places]]


def _found(index: DenseIndex, passage_id: int, vector: Vector) -> bool:
    own = float(index.scores(vector, np.array([passage_id], np.int64))[0])
    hits = index.search(vector, NEAREST)
    crowded = len(hits) == NEAREST and hits[-1].score >= own - TOLERANCE  # by passages with the same words
    return abs(own - 1) < TOLERANCE and (crowded or any(hit.passage_id == passage_id for hit in hits))


def _scores_as_exactly(index: LexicalIndex, passage_id: int, text: IndexedText) -> bool:
    weights = tuple((term, 1.0) for term in dict.fromkeys(terms(text.body)[:TERMS]))
    query, ids = LexicalQuery(weights, (), index.total_length / max(len(index), 1)), np.array([passage_id], np.int64)
    exact = ExactLexicalIndex()
    exact.add(ids, [text])
    ours, theirs = index.match(query, ids), exact.match(query, ids)
    return all(np.allclose(getattr(ours, part.name), getattr(theirs, part.name), atol=TOLERANCE) for part in fields(ours))
