"""Question text and filter -> ranked passages: both legs over the generation and what was added since, then fusion."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np

from index.embedded.dense.brute_force import BruteForceDenseIndex
from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.policy import DEFAULT, Policy
from index.embedded.segments.generations import Generation
from index.embedded.segments.segments import Segment
from index.embedded.snapshot import IndexSnapshot, UnindexedTail
from index.embedded.store.store import Store
from index.filters import Filter
from index.ranking.fusion import best_possible, contributions, fuse
from index.ranking.lexical_query import lexical_query
from index.ranking.query import DenseCandidates, PreparedQuery
from index.ranking.result import Candidates, Ranking
from index.text.idf import general_shares
from index.types import Embedder, Ids, Vector

# What is left of a cosine whose question is in a language that the model was not trained on.
UNREAD = np.float32(0.1)

_beside = ThreadPoolExecutor(os.cpu_count(), "beside")
Found = TypeVar("Found")


class Searcher:
    """Safe to search and to change from several threads."""

    def __init__(self, store: Store, embedder: Embedder, generation: Generation | None, policy: Policy = DEFAULT) -> None:
        store.check_fingerprint(embedder.fingerprint)
        self._store = store
        self._embedder = embedder
        self._policy = policy
        self._protected_words = frozenset(embedder.word_ranks)
        self._general_shares = general_shares(embedder.word_ranks)
        self._changing = threading.Lock()
        self._changes = 0
        self._generation: Generation | None = None
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

    def read(self, question: str, *, spelling: bool = True) -> PreparedQuery:
        """Correct the words of a question that the corpus does not know (where `spelling` is set) and embed it. No lock is held."""
        state = self._current()
        speller = state.speller if spelling else None
        corrected = speller.correct_text(question, state.knows, self._protected_words) if speller else question
        # As asked; where it was corrected, halfway between both (either alone ranks worse).
        texts = [question] if corrected == question else [question, corrected]
        return PreparedQuery(corrected, _begun(state, partial(self._vector, texts)))

    def vector(self, texts: Sequence[str]) -> Vector:
        """Of texts together, one or more; of unit length."""
        return self._vector(texts)

    def allowed(self, filter_: Filter) -> Ids:
        """The passages of the documents that a filter lets through, in rising order."""
        return self._current().passages_of_documents(self._store.filtered.numbers(filter_))

    def nearest(self, vector: Vector, allowed: Ids | None = None) -> DenseCandidates:
        """Of all passages, or of those allowed."""
        state = self._current()
        ids = state.nearest(vector, allowed)
        return DenseCandidates(state.best_score(vector, ids), state, ids)

    def rank(
        self,
        asked: PreparedQuery,
        allowed: Ids | None = None,
        *,
        by_words: bool = False,
        nearest: DenseCandidates | None = None,
    ) -> Ranking:
        """Rank the passages (all, or those allowed).

        `by_words`: similarity counts only where no word is found, for a question that the model cannot read. `nearest`: what was
        found with the question's vector among the same passages.
        """
        state = nearest.state if nearest else self._current()
        by_meaning = (lambda: nearest.ids) if nearest else _begun(state, lambda: state.nearest(asked.vector, allowed))
        return self._search(state, asked, allowed, by_words, by_meaning)

    def refresh(self, removed: Ids) -> None:
        """Take a change of the store into account: searches that begin after this find what was added and nothing of what was removed."""
        with self._changing:
            parts: tuple[Segment | UnindexedTail, ...] = (*self._segments, self._tail)
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

    def _current(self) -> IndexSnapshot:
        """The state to search, with what was added since the last search; a process that only adds never reads it."""
        if self._behind:
            with self._changing:
                if self._behind:
                    self._read_tail()
        return self._state

    def _set_generation(self, generation: Generation | None) -> None:
        searched = self._segments
        for segment in generation.segments if generation else ():
            if segment not in searched:  # removals are applied to the others as they happen
                segment.remove(self._store.removed_passages(segment.span.after, segment.span.last))
        self._generation = generation
        self._tail = UnindexedTail(
            BruteForceDenseIndex(), BruteForceLexicalIndex(), generation.last_passage_id if generation else 0
        )

    def _read_tail(self) -> None:
        added = list(self._store.passages_since(self._tail.last_passage_id, self._embedder.fingerprint))
        if added:
            self._tail = self._tail.and_then(added)
        self._state = self._state_of((*self._segments, self._tail) if len(self._tail.vectors) else self._segments)
        self._behind = False

    def _state_of(self, parts: tuple[Segment | UnindexedTail, ...]) -> IndexSnapshot:
        built = self._generation
        number, speller = (built.number, built.speller) if built else (0, None)
        return IndexSnapshot(number, speller, parts, self._policy)

    @property
    def _segments(self) -> tuple[Segment, ...]:
        return self._generation.segments if self._generation else ()

    def _vector(self, texts: Sequence[str]) -> Vector:
        vectors = [self._embedder.embed_question(text) for text in texts]
        if len(vectors) == 1:
            return vectors[0]
        together = np.sum(vectors, axis=0)
        of_unit_length: Vector = together / np.linalg.norm(together)
        return of_unit_length

    def _search(
        self,
        state: IndexSnapshot,
        asked: PreparedQuery,
        allowed: Ids | None,
        by_words: bool,
        by_meaning: Callable[[], Sequence[Ids]],
    ) -> Ranking:
        passages = state.passages
        query = lexical_query(
            asked.question,
            state.document_frequency,
            passages,
            state.mean_length,
            self._general_shares,
            context=asked.context,
            context_weight=asked.context_weight,
            related_words=self._embedder.related_words,
        )
        found_by_words = state.by_words(query, allowed)
        ids = np.unique(np.concatenate([np.empty(0, np.int64), *found_by_words, *by_meaning()]))
        similarity, match = state.scored(asked.vector, query, ids)
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


def _begun(state: IndexSnapshot, work: Callable[[], Found]) -> Callable[[], Found]:
    """What gives the result of some work: of many passages it is done in another thread from now on, of few it is done by now.

    Work waits only for work that was begun before it.
    """
    if state.is_large:
        return _beside.submit(work).result
    done = work()
    return lambda: done
