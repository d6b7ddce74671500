"""Question text and filter -> ranked passages: both legs over the generation and what was added since, then fusion."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np

from index import segments
from index.abbreviations import NO_ABBREVIATIONS, Abbreviations
from index.analysis import stems
from index.exact import ExactVectorIndex
from index.filters import Filter
from index.fusion import best_possible, contributions, fuse
from index.generations import Generation
from index.id_sets import contained
from index.lexical_query import lexical_query
from index.ranking import Candidates, Ranking
from index.scanned import ScannedLexicalIndex
from index.segments import Segment
from index.spelling import Speller
from index.store import Store
from index.types import (
    Embedder,
    Ids,
    LexicalIndex,
    LexicalMatch,
    LexicalQuery,
    Matrix,
    Scores,
    SearchedText,
    Vector,
    VectorIndex,
)
from index.word_statistics import general_shares

# From each leg. nDCG@10 does not change beyond it; both legs of every candidate are then scored.
CANDIDATES = 200
# What is left of a cosine whose question is in a language that the model was not trained on.
UNREAD = np.float32(0.1)

_beside = ThreadPoolExecutor(os.cpu_count(), "beside")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was read: its text with the spelling corrected, and what gives its vector, which may be on its way still.

    `context`: what was said before, whose terms count `context_weight` times their idf.
    """

    question: str
    embedded: Callable[[], Vector]
    context: str = ""
    context_weight: float = 0.0

    @property
    def vector(self) -> Vector:
        """Of unit length."""
        return self.embedded()


@dataclass(frozen=True, slots=True)
class Nearest:
    """How near the nearest passage is to a vector (the greatest inner product, 0 where there is no passage), and the nearest ones.

    To rank a question with this vector by them saves looking for them again: in `state`, those of each of its parts.
    """

    score: float
    state: _State
    ids: Sequence[Ids]


@dataclass(frozen=True, slots=True)
class _Tail:
    """What was added since the generation was built, up to `last_passage_id`, searched exactly. Not changed but by removals."""

    vectors: VectorIndex
    lexical: LexicalIndex
    last_passage_id: int

    def and_then(self, added: Sequence[tuple[Ids, list[SearchedText], Matrix]]) -> _Tail:
        """Another one that holds these passages as well; searches that run on this one do not see them."""
        ids = np.concatenate([ids for ids, _, _ in added])
        longer = _Tail(copy(self.vectors), copy(self.lexical), int(ids[-1]))
        longer.vectors.add(ids, np.concatenate([vectors for _, _, vectors in added]))
        longer.lexical.add(ids, [text for _, texts, _ in added for text in texts])
        return longer


@dataclass(frozen=True, slots=True)
class _State:
    """What one search sees: segments, and the tail where there is something in it."""

    generation: int
    speller: Speller | None
    abbreviations: Abbreviations
    parts: tuple[Segment | _Tail, ...]

    def document_frequency(self, term: str) -> int:
        return sum(part.lexical.document_frequency(term) for part in self.parts)

    def knows(self, word: str) -> bool:
        return self.document_frequency(stems([word])[0]) > 0


class Searches(Protocol):
    """What ranks passages for a question: the searcher, or one that arranges them otherwise to be compared with it."""

    def read(self, question: str) -> Asked: ...
    def vector(self, texts: Sequence[str]) -> Vector: ...
    def allowed(self, filter_: Filter) -> Ids: ...
    def nearest(self, vector: Vector, allowed: Ids | None = None) -> Nearest: ...
    def rank(
        self, asked: Asked, allowed: Ids | None = None, *, by_words: bool = False, nearest: Nearest | None = None
    ) -> Ranking: ...


class Rearranging:
    """Searches as another one does; whoever derives from it says in which order its rankings are."""

    def __init__(self, searcher: Searches) -> None:
        self._searcher = searcher

    def read(self, question: str) -> Asked:
        return self._searcher.read(question)

    def vector(self, texts: Sequence[str]) -> Vector:
        return self._searcher.vector(texts)

    def allowed(self, filter_: Filter) -> Ids:
        return self._searcher.allowed(filter_)

    def nearest(self, vector: Vector, allowed: Ids | None = None) -> Nearest:
        return self._searcher.nearest(vector, allowed)


class Searcher:
    """Safe to search and to change from several threads."""

    def __init__(self, store: Store, embedder: Embedder, generation: Generation | None) -> None:
        store.check_fingerprint(embedder.fingerprint)
        self._store = store
        self._embedder = embedder
        self._guarded = frozenset(embedder.word_ranks)
        self._general_shares = general_shares(embedder.word_ranks)
        self._changing = threading.Lock()
        self._changes = 0
        self._set_generation(generation)
        self._state = self._state_of(self._segments)
        self._behind = True  # what no segment holds is read by the first search, or built before it

    @property
    def generation(self) -> int:
        return self._state.generation

    @property
    def state(self) -> tuple[int, int]:
        """Differs from what it was wherever an answer may: the generation, and how often this process changed documents."""
        return self._state.generation, self._changes

    @property
    def adopted(self) -> Generation | None:
        """The generation that is searched."""
        return self._generation

    @property
    def unbuilt(self) -> int:
        """Passages that are searched exactly because no generation holds them yet."""
        return self._store.passages_after(self._generation.last_passage_id if self._generation else 0)

    @property
    def cache_counts(self) -> tuple[int, int]:
        """How many questions' vectors were kept from before, and how many were not."""
        return self._embedder.cache_counts

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """In the embedding model's tokens, special ones left out."""
        return self._embedder.count_tokens(texts)

    def search(self, question: str, allowed: Ids | None = None) -> Ranking:
        """Read a question and rank the passages (all, or those allowed) for it."""
        return self.rank(self.read(question), allowed)

    def read(self, question: str, *, spelling: bool = True) -> Asked:
        """Correct the words of a question that the corpus does not know (where `spelling` is set) and embed it. No lock is held."""
        state = self._current()
        speller = state.speller if spelling else None
        corrected = speller.correct_text(question, state.knows, self._guarded) if speller else question
        return Asked(corrected, _begun(state, partial(self._vector, question, corrected)))

    def vector(self, texts: Sequence[str]) -> Vector:
        """Of texts together, one or more; of unit length."""
        together = np.sum([self._embedder.embed_question(text) for text in texts], axis=0)
        of_unit_length: Vector = together / np.linalg.norm(together)
        return of_unit_length

    def allowed(self, filter_: Filter) -> Ids:
        """The passages of the documents that a filter lets through, in rising order."""
        numbers = self._store.filtered.numbers(filter_)
        return np.concatenate([np.empty(0, np.int64), *(part.lexical.of_documents(numbers) for part in self._current().parts)])

    def nearest(self, vector: Vector, allowed: Ids | None = None) -> Nearest:
        """Of all passages, or of those allowed."""
        state = self._current()
        ids = _nearest(state, vector, allowed)
        scores = [part.vectors.scores(vector, found) for part, found in zip(state.parts, ids, strict=True)]
        best = max((float(np.nan_to_num(found).max()) for found in scores if len(found)), default=0.0)
        return Nearest(best, state, ids)

    def rank(
        self, asked: Asked, allowed: Ids | None = None, *, by_words: bool = False, nearest: Nearest | None = None
    ) -> Ranking:
        """Rank the passages (all, or those allowed).

        `by_words`: similarity counts only where no word is found, for a question that the model cannot read. `nearest`: what was
        found with the question's vector among the same passages.
        """
        state = nearest.state if nearest else self._current()
        by_meaning = (lambda: nearest.ids) if nearest else _begun(state, lambda: _nearest(state, asked.vector, allowed))
        return self._search(state, asked, allowed, by_words, by_meaning)

    def refresh(self, removed: Ids) -> None:
        """Take a change of the store into account: searches that begin after this find what was added and nothing of what was removed."""
        with self._changing:
            parts: tuple[Segment | _Tail, ...] = (*self._segments, self._tail)
            for part in parts:
                part.vectors.remove(removed)
                part.lexical.remove(removed)
            self._behind = True
            self._changes += 1

    def adopt(self, generation: Generation | None) -> None:
        """Search this generation from now on; searches that run finish on what they began with."""
        with self._changing:
            self._set_generation(generation)
            self._read_tail()

    def _current(self) -> _State:
        """The state to search, with what was added since the last search; a process that only adds never reads it."""
        if self._behind:
            with self._changing:
                if self._behind:
                    self._read_tail()
        return self._state

    def _set_generation(self, generation: Generation | None) -> None:
        if generation:
            generation.remove(self._store.removed_passages(generation.last_passage_id))
        self._generation = generation
        self._abbreviations = generation.abbreviations if generation else NO_ABBREVIATIONS  # gathered once a generation
        self._tail = _Tail(ExactVectorIndex(), ScannedLexicalIndex(), generation.last_passage_id if generation else 0)

    def _read_tail(self) -> None:
        added = list(self._store.passages_since(self._tail.last_passage_id, self._embedder.fingerprint))
        if added:
            self._tail = self._tail.and_then(added)
        self._state = self._state_of((*self._segments, self._tail) if len(self._tail.vectors) else self._segments)
        self._behind = False

    def _state_of(self, parts: tuple[Segment | _Tail, ...]) -> _State:
        built = self._generation
        number, speller = (built.number, built.speller) if built else (0, None)
        return _State(number, speller, self._abbreviations, parts)

    @property
    def _segments(self) -> tuple[Segment, ...]:
        return self._generation.segments if self._generation else ()

    def _vector(self, question: str, corrected: str) -> Vector:
        """Of the question as asked; where it was corrected, halfway between both (either alone ranks worse)."""
        return self._embedder.embed_question(question) if corrected == question else self.vector([question, corrected])

    def _search(
        self, state: _State, asked: Asked, allowed: Ids | None, by_words: bool, by_meaning: Callable[[], Sequence[Ids]]
    ) -> Ranking:
        passages = sum(len(part.vectors) for part in state.parts)
        length = sum(part.lexical.total_length for part in state.parts)
        query = lexical_query(
            asked.question,
            state.document_frequency,
            passages,
            length / max(passages, 1),
            self._general_shares,
            context=asked.context,
            context_weight=asked.context_weight,
            related_words=self._embedder.related_words,
            abbreviations=state.abbreviations,
        )
        found_by_words = _by_words(state, query, allowed)
        ids = np.unique(np.concatenate([np.empty(0, np.int64), *found_by_words, *by_meaning()]))
        similarity, match = _scored(state, asked.vector, query, ids)
        trusted = similarity * (UNREAD if by_words and match.share.any() else np.float32(1))
        best_similarity = float(trusted.max()) if len(ids) else 0.0
        parts = contributions(trusted, match, best_similarity, len(query.weights))
        fused = fuse(parts)
        order = np.lexsort((ids, -fused))
        columns = (ids[order], fused[order], similarity[order], match.share[order])
        return Ranking(
            asked.question,
            Candidates(*columns),
            dict((*query.weights, *query.context)),
            best_possible(best_similarity, len(query.weights)),
            state.generation,
            {name: part[order] for name, part in parts.items()},
            passages if allowed is None else len(allowed),
        )


def _nearest(state: _State, vector: Vector, allowed: Ids | None) -> list[Ids]:
    """Of each part the best by meaning; where there are no more than that, every passage."""

    def of(vectors: VectorIndex) -> Ids:
        if len(vectors) > CANDIDATES:
            return vectors.candidates(vector, CANDIDATES, allowed)
        return vectors.ids if allowed is None else vectors.ids[contained(vectors.ids, allowed)]

    return [of(part.vectors) for part in state.parts]


def _begun(state: _State, work: Callable[[], Found]) -> Callable[[], Found]:
    """What gives the result of some work: of many passages it is done in another thread from now on, of few it is done by now.

    Work waits only for work that was begun before it.
    """
    if any(len(part.vectors) > segments.EXACT_PASSAGES for part in state.parts):
        return _beside.submit(work).result
    done = work()
    return lambda: done


def _by_words(state: _State, query: LexicalQuery, allowed: Ids | None) -> list[Ids]:
    """Of each part that has more than that the best by words; of the others the other leg has every passage."""
    return [part.lexical.candidates(query, CANDIDATES, allowed) for part in state.parts if len(part.vectors) > CANDIDATES]


def _scored(state: _State, vector: Vector, query: LexicalQuery, ids: Ids) -> tuple[Scores, LexicalMatch]:
    """Every candidate by both legs, whichever found it. Each is in one part; in the others, and once removed, it scores 0."""
    scores = np.zeros((5, len(ids)), np.float32)
    documents = np.zeros(len(ids), np.int64)
    for part in state.parts:
        match = part.lexical.match(query, ids)
        rows = (part.vectors.scores(vector, ids), match.share, match.adjacent, match.together, match.title)
        scores += np.nan_to_num(np.stack(rows))
        documents += match.documents
    return scores[0], LexicalMatch(documents, *scores[1:])
