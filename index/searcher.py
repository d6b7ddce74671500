"""Question text and filter -> ranked passages: both legs over the generation and what was added since, then fusion."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from index.analysis import stems
from index.exact import ExactLexicalIndex, ExactVectorIndex
from index.fusion import best_possible, fuse
from index.generations import Generation
from index.lexical_query import lexical_query
from index.spelling import Speller
from index.store import Store
from index.types import Embedder, Ids, LexicalIndex, LexicalMatch, LexicalQuery, Scores, Vector, VectorIndex
from index.word_statistics import general_shares

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
    """Candidates, best first, for `question`, which is the one that was asked with its spelling corrected.

    `term_weights`: the question's terms with their idf in the corpus and general language together.
    `best_possible`: what no candidate's score exceeds.
    """

    question: str
    candidates: Sequence[Candidate]
    term_weights: Mapping[str, float]
    best_possible: float
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
    speller: Speller | None
    parts: tuple[_Part | _Tail, ...]

    @property
    def changes(self) -> bool:
        """Whether a part of it may change while it is searched."""
        return any(isinstance(part, _Tail) for part in self.parts)

    def document_frequency(self, term: str) -> int:
        return sum(part.lexical.document_frequency(term) for part in self.parts)

    def knows(self, word: str) -> bool:
        return self.document_frequency(stems([word])[0]) > 0


class Searcher:
    """Safe to search and to change from several threads."""

    def __init__(self, store: Store, embedder: Embedder, generation: Generation | None) -> None:
        store.check_fingerprint(embedder.fingerprint)
        self._store = store
        self._embedder = embedder
        self._guarded = frozenset(embedder.word_ranks)
        self._general_shares = general_shares(embedder.word_ranks)
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
        """Rank the passages (all, or those allowed) for a question; its vector is computed before any index is searched."""
        state = self._state
        with self._changing if state.changes else nullcontext():
            corrected = state.speller.correct_text(question, state.knows, self._guarded) if state.speller else question
        vector = self._vector(question, corrected)
        with self._changing if state.changes else nullcontext():
            return self._search(state, corrected, vector, allowed)

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
            self._generation = generation
            self._built = (_Part(generation.vectors, generation.lexical),) if generation else ()
            self._tail = _Tail(ExactVectorIndex(), ExactLexicalIndex(), last)
            self._read_tail()

    def _read_tail(self) -> None:
        tail = self._tail
        for ids, texts, vectors in self._store.passages_since(tail.last_passage_id, self._embedder.fingerprint):
            tail.vectors.add(ids, vectors)
            tail.lexical.add(ids, texts)
            tail.last_passage_id = int(ids[-1])
        parts = (*self._built, tail) if len(tail.vectors) else self._built
        number, speller = (self._generation.number, self._generation.speller) if self._generation else (0, None)
        self._state = _State(number, speller, parts)

    def _vector(self, question: str, corrected: str) -> Vector:
        """Of the question as asked; where it was corrected, halfway between both (either alone ranks worse)."""
        vector = self._embedder.embed_question(question)
        if corrected == question:
            return vector
        together = vector + self._embedder.embed_question(corrected)
        halfway: Vector = together / np.linalg.norm(together)
        return halfway

    def _search(self, state: _State, question: str, vector: Vector, allowed: Ids | None) -> Ranking:
        passages = sum(len(part.vectors) for part in state.parts)
        length = sum(part.lexical.total_length for part in state.parts)
        query = lexical_query(question, state.document_frequency, passages, length / max(passages, 1), self._general_shares)
        found: set[int] = set()
        for part in state.parts:
            found.update(hit.passage_id for hit in part.vectors.search(vector, CANDIDATES, allowed))
            found.update(hit.passage_id for hit in part.lexical.search(query, CANDIDATES, allowed))
        ids = np.array(sorted(found), np.int64)
        similarity, match = _scored(state, vector, query, ids)
        best_similarity = float(np.nanmax(similarity)) if len(ids) else 0.0
        fused = fuse(similarity, match, best_similarity, len(query.weights))
        order = np.lexsort((ids, -fused))
        columns = (ids[order], fused[order], similarity[order], match.share[order])
        return Ranking(
            question,
            [Candidate(*row) for row in zip(*(column.tolist() for column in columns), strict=True)],
            dict(query.weights),
            best_possible(best_similarity, len(query.weights)),
            state.generation,
        )


def _scored(state: _State, vector: Vector, query: LexicalQuery, ids: Ids) -> tuple[Scores, LexicalMatch]:
    """Every candidate by both legs, whichever found it; each passage is in one part, and NaN in the others."""
    similarity = np.full(len(ids), np.nan, np.float32)
    matches = []
    for part in state.parts:
        similarity = np.fmax(similarity, part.vectors.scores(vector, ids))
        matches.append(part.lexical.match(query, ids))
    if not matches:
        return similarity, LexicalMatch(ids, *(similarity for _ in range(4)))
    return similarity, LexicalMatch(
        share=_first_known([match.share for match in matches]),
        adjacent=_first_known([match.adjacent for match in matches]),
        together=_first_known([match.together for match in matches]),
        title=_first_known([match.title for match in matches]),
        documents=np.max([match.documents for match in matches], axis=0),
    )


def _first_known(columns: Sequence[Scores]) -> Scores:
    known: Scores = np.fmax.reduce(columns)
    return known
