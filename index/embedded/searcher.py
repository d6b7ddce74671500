"""Ranks passages for a question: dense and lexical search over the generation and the unindexed tail, then fusion.

The index in memory follows the store, whichever process changes it: a search begins a read transaction and first brings the index up
to it. What a search sees is immutable, so that neither searches nor changes wait for each other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial

import numpy as np

from index.embedded.dense.brute_force import BruteForceDenseIndex
from index.embedded.filtering.readable import ReadablePassages
from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.policy import DEFAULT, Policy
from index.embedded.segments.generations import Generation
from index.embedded.segments.segments import Segment
from index.embedded.snapshot import IndexSnapshot, Statistics, UnindexedTail
from index.embedded.store.store import Store
from index.ranking.lexical_query import held_synonyms, lexical_query
from index.ranking.query import PreparedQuery, embed_together
from index.ranking.reranking import rerank
from index.ranking.result import Ranking
from index.ranking.scoring import rank_candidates
from index.text.analysis import ENGLISH_ONLY
from index.text.idf import general_shares
from index.text.spelling import Spelling
from index.types import Embedder, Ids, Reranker, StoredPassage, Vector

# Of an index that was never brought up to the store.
NEVER = -1

# A task waits only for tasks submitted before it, so the pool cannot deadlock.
_pool = ThreadPoolExecutor(os.cpu_count(), "search")

# A generation that is searched -> itself while it is on disk, else the newest one.
CurrentGeneration = Callable[[Generation], Generation | None]


class Searcher:
    """Searches the current generation and tail. Several threads may use it at once."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        generation: Generation | None,
        policy: Policy = DEFAULT,
        current: CurrentGeneration = lambda generation: generation,
    ) -> None:
        """`current`: for a process that does not own the folder, whose generations another one may delete."""
        self._store = store
        self._embedder = embedder
        self.scale = embedder.scale
        self._policy = policy
        ranks = embedder.word_ranks
        self._protected_words = frozenset(ranks)
        self._general_shares = general_shares(ranks)
        self._current = current
        self._changing = threading.Lock()
        self._generation = generation
        self._tail = _empty_tail(generation)
        self._removed_at = NEVER  # the change up to which removals are applied to the generation and the tail
        self._index = IndexSnapshot(NEVER, 0, None, (), policy)

    @property
    def generation(self) -> Generation | None:
        """The generation that is searched, without what was removed. Passages that were added since it was built are not read."""
        with self._changing, self._store.reading():
            self._apply_removals()
            return self._generation

    @property
    def number(self) -> int:
        """Of the generation that is searched, 0 before the first."""
        return self._generation.number if self._generation else 0

    @property
    def unindexed(self) -> int:
        """The number of passages that no segment holds."""
        return self._store.passages_after(self._generation.last_passage_id if self._generation else 0)

    @contextmanager
    def snapshot(self) -> Iterator[IndexSnapshot]:
        """The index as of a read transaction of the store, which lasts as long as the context: nothing changes inside."""
        index = self._index  # before the transaction, which is at least as recent then
        with self._store.reading():
            if index.changes != self._store.current_changes():
                index = self._follow()
            yield index

    def prepare(
        self,
        question: str,
        languages: Sequence[str] = ENGLISH_ONLY,
        *,
        spelling: bool = True,
        readable: ReadablePassages | None = None,
    ) -> PreparedQuery:
        """Correct words that the corpus does not hold, and embed the question: in another thread if the search takes milliseconds.

        `readable`: what the asker may read, None for everything; then in the read transaction that it is of.
        """
        index = readable.index if readable else self._latest()
        found = self._correct(question, languages, index, readable) if spelling else Spelling(question, question)
        # A corrected question is embedded halfway between both texts; either alone ranks worse.
        texts = list(dict.fromkeys((question, found.guess)))
        prepared = partial(
            PreparedQuery, found.corrected, alternatives=found.alternatives, meant=found.guess, languages=tuple(languages)
        )
        if index.is_approximate:
            return prepared(embed=_pool.submit(embed_together, self._embedder, texts).result)
        vector = embed_together(self._embedder, texts)
        return prepared(embed=lambda: vector)

    def rank(
        self,
        index: IndexSnapshot,
        query: PreparedQuery,
        statistics: Statistics,
        allowed: Ids | None = None,
        dense: Sequence[Ids] | None = None,
    ) -> Ranking:
        """Rank all passages, or the allowed ones. `statistics`: of what the asker may read.

        `dense`: the candidates of `index.nearest` for this query, if they are known.
        """
        frequency = cache(statistics.document_frequency)
        begun = None
        if dense is None and index.is_approximate:
            begun = _pool.submit(lambda: index.nearest(query.vector, allowed))  # while this thread searches the words
        terms = lexical_query(
            query.question,
            frequency,
            statistics.passages,
            statistics.mean_length,
            self._general_shares,
            context=query.context,
            context_weight=query.context_weight,
            alternatives=query.alternatives,
            languages=query.languages,
            related_words=self._embedder.related_words,
            synonyms=query.synonyms,
        )
        lexical = index.by_words(terms, allowed)
        if dense is None:
            dense = begun.result() if begun else index.nearest(query.vector, allowed)
        ids = np.unique(np.concatenate([np.empty(0, np.int64), *lexical, *dense]))
        cosines, match = index.score(query.vector, terms, ids)
        return rank_candidates(
            query,
            terms,
            ids,
            self.scale.similarities(cosines),
            match,
            generation=index.generation,
            passages=statistics.passages if allowed is None else len(allowed),
            absent=[term for term in dict(terms.weights) if not frequency(term)],
            synonyms=held_synonyms(query.synonyms, query.languages[0], frequency),
        )

    def adopt(self, generation: Generation | None) -> None:
        """Search this generation from now on; running searches finish on the previous one."""
        with self._changing, self._store.reading():
            self._apply_removals()
            self._set_generation(generation, self._segments)
            self._read_tail()

    def _correct(
        self, question: str, languages: Sequence[str], index: IndexSnapshot, readable: ReadablePassages | None
    ) -> Spelling:
        """With words of passages that the asker may read only."""
        if index.speller is None:
            return Spelling(question, question)
        statistics = readable.statistics if readable else index.statistics
        knows = partial(statistics.knows, languages=languages)
        if readable is None:
            return index.speller.correct_text(question, knows, self._protected_words)
        hold = cache(partial(readable.hold, store=self._store))
        return index.speller.correct_text(question, knows, self._protected_words, hold)

    def _latest(self) -> IndexSnapshot:
        """The index up to the last commit; without a read transaction, for what needs no row of the store."""
        index = self._index
        if index.changes == self._store.current_changes():
            return index
        with self.snapshot() as index:
            return index

    # The methods below need the lock and a read transaction.

    def _follow(self) -> IndexSnapshot:
        """The index as of the store now; begins the read transaction again."""
        with self._changing:
            # The index may be of a later commit than this thread's transaction, but not than one that begins now.
            self._store.renew()
            if self._index.changes != self._store.current_changes():
                self._apply_removals()
                self._read_tail()
            return self._index

    def _apply_removals(self) -> None:
        changes = self._store.current_changes()
        removed = self._store.removed_by_changes(self._removed_at, changes) if self._removed_at != NEVER else None
        if removed is None:
            self._set_generation(self._generation, ())
        elif len(removed):
            if self._generation:
                segments = tuple(segment.without(removed) for segment in self._segments)
                self._generation = replace(self._generation, segments=segments)
            self._tail = self._tail.without(removed)
        self._removed_at = self._store.current_changes()

    def _set_generation(self, generation: Generation | None, known: Sequence[Segment]) -> None:
        """`known`: segments without what was removed. From the others, everything that was ever removed is taken."""
        while generation:
            searched = {segment.digest: segment for segment in known}
            segments = tuple(searched.get(segment.digest) or self._without_removed(segment) for segment in generation.segments)
            # The ids of removed passages are kept for the generations on disk only. This one was there when they were read, if it
            # is there now.
            newest = self._current(generation)
            if newest is generation:
                generation = replace(generation, segments=segments)
                break
            generation, known = newest, ()
            self._store.renew()
        self._generation = generation
        self._tail = _empty_tail(generation)
        self._removed_at = self._store.current_changes()

    def _without_removed(self, segment: Segment) -> Segment:
        return segment.without(self._store.removed_passages(segment.span.after, segment.span.last))

    def _read_tail(self) -> None:
        added = list(self._store.passages_since(self._tail.last_passage_id, self._embedder.fingerprint))
        if added:
            self._tail = self._tail.extended(added)
        parts: tuple[Segment | UnindexedTail, ...] = self._segments
        if len(self._tail.vectors):
            parts = (*parts, self._tail)
        built = self._generation
        number, speller = (built.number, built.speller) if built else (0, None)
        self._index = IndexSnapshot(self._store.current_changes(), number, speller, parts, self._policy)

    @property
    def _segments(self) -> tuple[Segment, ...]:
        return self._generation.segments if self._generation else ()


def _empty_tail(generation: Generation | None) -> UnindexedTail:
    return UnindexedTail(BruteForceDenseIndex(), BruteForceLexicalIndex(), generation.last_passage_id if generation else 0)


class EmbeddedSnapshot:
    """A snapshot over the allowed passages; a read transaction of the store lasts meanwhile."""

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        index: IndexSnapshot,
        allowed: Ids | None,
        statistics: Statistics,
        reranker: tuple[Reranker, int] | None,
    ) -> None:
        """`statistics`: of what the asker may read. `reranker`: with the number of candidates that it orders."""
        self._store, self._searcher, self._index, self._allowed, self._reranker = store, searcher, index, allowed, reranker
        self._statistics = statistics
        self._dense: list[tuple[Vector, Sequence[Ids]]] = []  # candidates of the vectors asked for so far

    def search(self, query: PreparedQuery) -> Ranking:
        # Without candidates there is nothing to reuse, and asking for the vector would wait for it.
        dense = self._candidates(query.vector) if self._dense else None
        ranking = self._searcher.rank(self._index, query, self._statistics, self._allowed, dense)
        if self._reranker is None or query.lexical_only:  # the re-ranker is not expected to read the language either
            return ranking
        return rerank(ranking, *self._reranker, self._store.passages)

    def best_similarity(self, vector: Vector) -> float:
        ids = self._candidates(vector)
        if ids is None:
            ids = self._index.nearest(vector, self._allowed)
            self._dense.append((vector, ids))
        best = np.array([self._index.best_score(vector, ids)])
        return float(self._searcher.scale.similarities(best, float(np.linalg.norm(vector)))[0])

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        return self._store.passages(ids)

    def _candidates(self, vector: Vector) -> Sequence[Ids] | None:
        return next((ids for known, ids in self._dense if known is vector), None)
