"""Question text and filter -> ranked passages: both legs over the generation and what was added since, then fusion."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from index.analysis import inverse_document_frequency, lexical_query, terms
from index.exact import ExactLexicalIndex, ExactVectorIndex
from index.fusion import fuse
from index.generations import Generation
from index.store import Store
from index.types import Embedder, Ids, LexicalIndex, LexicalQuery, Scores, Vector, VectorIndex

# From each leg. nDCG@10 does not change beyond it; both legs of every candidate are then scored.
CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with its fused score, higher is better, and what each leg says of it: cosine and share of the best BM25."""

    passage_id: int
    score: float
    similarity: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first. `term_weights` are the idf of the question's terms; one that the corpus lacks has the highest."""

    candidates: Sequence[Candidate]
    best_similarity: float
    term_weights: dict[str, float]
    generation: int


@dataclass(frozen=True, slots=True)
class _Part:
    vectors: VectorIndex
    lexical: LexicalIndex


@dataclass(slots=True)
class _Tail:
    """What was added since the generation was built, up to `last_passage_id`, searched exactly."""

    vectors: VectorIndex
    lexical: LexicalIndex
    last_passage_id: int


@dataclass(frozen=True, slots=True)
class _State:
    """What one search sees. An empty tail is not among the parts, so that a search without it needs no lock."""

    generation: int
    parts: tuple[_Part | _Tail, ...]


class Searcher:
    """Safe to search and to change from several threads."""

    def __init__(self, store: Store, embedder: Embedder, generation: Generation | None) -> None:
        store.check_fingerprint(embedder.fingerprint)
        self._store = store
        self._embedder = embedder
        self._changing = threading.Lock()
        self.adopt(generation)

    @property
    def generation(self) -> int:
        return self._state.generation

    @property
    def unbuilt(self) -> int:
        """Passages that are searched exactly because no generation holds them yet."""
        return len(self._tail.vectors)

    def search(self, question: str, allowed: Ids | None = None) -> Ranking:
        """Rank the passages (all, or those allowed) for a question; the vector is computed before any index is touched."""
        vector, question_terms = self._embedder.embed_question(question), terms(question)
        state = self._state
        with self._changing if any(isinstance(part, _Tail) for part in state.parts) else nullcontext():
            return _search(state, vector, question_terms, allowed)

    def refresh(self, removed: Ids) -> None:
        """Take a change of the store into account: when this returns, what was added is found and what was removed is not."""
        with self._changing:
            for part in (*self._built, self._tail):
                part.vectors.remove(removed)
                part.lexical.remove(removed)
            self._read_tail()

    def adopt(self, generation: Generation | None) -> None:
        """Search this generation from now on; searches that run finish on what they began with."""
        with self._changing:
            last = generation.last_passage_id if generation else 0
            if generation:
                removed = self._store.removed_passages(last)
                generation.vectors.remove(removed)
                generation.lexical.remove(removed)
            self._built = (_Part(generation.vectors, generation.lexical),) if generation else ()
            self._number = generation.number if generation else 0
            self._tail = _Tail(ExactVectorIndex(), ExactLexicalIndex(), last)
            self._read_tail()

    def _read_tail(self) -> None:
        tail = self._tail
        for ids, texts, vectors in self._store.passages_since(tail.last_passage_id, self._embedder.fingerprint):
            tail.vectors.add(ids, vectors)
            tail.lexical.add(ids, texts)
            tail.last_passage_id = int(ids[-1])
        self._state = _State(self._number, (*self._built, tail) if len(tail.vectors) else self._built)


def _search(state: _State, vector: Vector, question_terms: list[str], allowed: Ids | None) -> Ranking:
    passages = sum(len(part.vectors) for part in state.parts)
    length = sum(part.lexical.total_length for part in state.parts)

    def document_frequency(term: str) -> int:
        return sum(part.lexical.document_frequency(term) for part in state.parts)

    query = lexical_query(question_terms, document_frequency, passages, length / max(passages, 1))
    found: set[int] = set()
    for part in state.parts:
        found.update(hit.passage_id for hit in part.vectors.search(vector, CANDIDATES, allowed))
        found.update(hit.passage_id for hit in part.lexical.search(query, CANDIDATES, allowed))
    ids = np.array(sorted(found), np.int64)
    similarity, lexical = _both_legs(state, vector, query, ids)
    best_similarity = float(np.nanmax(similarity)) if len(ids) else 0.0
    fused = fuse(similarity, lexical, best_similarity)
    order = np.lexsort((ids, -fused))
    rows = zip(ids[order].tolist(), fused[order].tolist(), similarity[order].tolist(), lexical[order].tolist(), strict=True)
    unknown = inverse_document_frequency(0, passages)
    weights = dict.fromkeys(question_terms, unknown) | {
        term: weight / question_terms.count(term) for term, weight in query.weights
    }
    return Ranking([Candidate(*row) for row in rows], best_similarity, weights, state.generation)


def _both_legs(state: _State, vector: Vector, query: LexicalQuery, ids: Ids) -> tuple[Scores, Scores]:
    """Both scores of every candidate, whichever leg found it; each passage is in one part, and NaN in the others."""
    similarity = np.full(len(ids), np.nan, np.float32)
    lexical = np.full(len(ids), np.nan, np.float32)
    for part in state.parts:
        similarity = np.fmax(similarity, part.vectors.scores(vector, ids))
        lexical = np.fmax(lexical, part.lexical.scores(query, ids))
    return similarity, lexical
