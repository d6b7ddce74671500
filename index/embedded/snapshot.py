"""Immutable snapshot for one search: the generation's segments and the unindexed tail, each searched by both indexes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache

import numpy as np

from index.embedded.dense.protocol import DenseIndex
from index.embedded.lexical.brute_force import BruteForceLexicalIndex
from index.embedded.policy import Policy
from index.embedded.segments.segments import Segment
from index.id_sets import isin_sorted
from index.text.analysis import stems
from index.text.spelling import Speller
from index.types import Ids, IndexedText, LexicalMatch, LexicalQuery, Matrix, Scores, Vector


@dataclass(frozen=True, slots=True)
class UnindexedTail:
    """Passages up to `last_passage_id` that no segment holds, searched exactly."""

    vectors: DenseIndex
    lexical: BruteForceLexicalIndex
    last_passage_id: int

    def extended(self, added: Sequence[tuple[Ids, list[IndexedText], Matrix]]) -> UnindexedTail:
        """A tail with these passages too; searches on this one do not see them."""
        ids = np.concatenate([ids for ids, _, _ in added])
        longer = UnindexedTail(copy(self.vectors), copy(self.lexical), int(ids[-1]))
        longer.vectors.add(ids, np.concatenate([vectors for _, _, vectors in added]))
        longer.lexical.add(ids, [text for _, texts, _ in added for text in texts])
        return longer

    def without(self, removed: Ids) -> UnindexedTail:
        """A tail without these passages; searches on this one still find them."""
        shorter = UnindexedTail(copy(self.vectors), copy(self.lexical), self.last_passage_id)
        shorter.vectors.remove(removed)
        shorter.lexical.discard(removed)  # a tail may live for months: while documents are only replaced, no segment is built
        return shorter


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the passages that a search may know of. `mean_length`: of a passage, in terms. `document_frequency`: of a term."""

    passages: int
    mean_length: float
    document_frequency: Callable[[str], int]

    def knows(self, word: str, languages: Sequence[str]) -> bool:
        """Whether a passage holds it, or another form of it in one of the languages."""
        return any(self.document_frequency(stem) > 0 for stem in {stems([word], language)[0] for language in languages})


@dataclass(frozen=True, slots=True)
class IndexSnapshot:
    """Segments, and the tail if it is not empty, as of the store after `changes`."""

    changes: int
    generation: int
    speller: Speller | None
    parts: tuple[Segment | UnindexedTail, ...]
    policy: Policy

    def document_frequency(self, term: str) -> int:
        return sum(part.lexical.document_frequency(term) for part in self.parts)

    @property
    def statistics(self) -> Statistics:
        """Of all passages. Removed ones may count in document frequencies until the index is rebuilt."""
        length = sum(part.lexical.total_length for part in self.parts)
        return Statistics(self.passages, length / max(self.passages, 1), self.document_frequency)

    def statistics_of(self, ids: Ids) -> Statistics:
        """Of these passages alone. Document frequencies may be estimates for many passages, but not of a term that none holds."""
        counters = [part.lexical.frequency_among(ids) for part in self.parts]
        length = sum(part.lexical.length_of(ids) for part in self.parts)
        frequency = cache(lambda term: sum(count(term) for count in counters))
        return Statistics(len(ids), length / max(len(ids), 1), frequency)

    @property
    def passages(self) -> int:
        return sum(len(part.vectors) for part in self.parts)

    @property
    def is_approximate(self) -> bool:
        """Whether a part is searched approximately; then a search takes milliseconds and is worth a second thread."""
        return any(len(part.vectors) > self.policy.exact_passages for part in self.parts)

    def passages_of_documents(self, numbers: Ids) -> Ids:
        """The passages of these documents, in rising order."""
        return np.concatenate([np.empty(0, np.int64), *(part.lexical.passages_of_documents(numbers) for part in self.parts)])

    def holding(self, stem: str, allowed: Ids) -> Ids:
        """Some of the passages that hold a stem."""
        query = LexicalQuery(((stem, 1.0),), (), 1.0)
        found = [part.lexical.search(query, self.policy.candidates, allowed) for part in self.parts]
        return np.concatenate([np.empty(0, np.int64), *found])

    def nearest(self, vector: Vector, allowed: Ids | None) -> list[Ids]:
        """The nearest passages in each part; all of them if the part is no larger than the number of candidates."""

        k = self.policy.candidates

        def of(vectors: DenseIndex) -> Ids:
            if len(vectors) > k:
                return vectors.search(vector, k, allowed)
            return vectors.ids if allowed is None else vectors.ids[isin_sorted(vectors.ids, allowed)]

        return [of(part.vectors) for part in self.parts]

    def best_score(self, vector: Vector, ids: Sequence[Ids]) -> float:
        """The greatest inner product of a vector and the passages `ids` of each part, 0 if there are none."""
        scores = [part.vectors.scores(vector, found) for part, found in zip(self.parts, ids, strict=True)]
        return max((float(np.nan_to_num(found).max()) for found in scores if len(found)), default=0.0)

    def by_words(self, query: LexicalQuery, allowed: Ids | None) -> list[Ids]:
        """The best passages by words in each part that is larger than the number of candidates; `nearest` has all of the others."""
        k = self.policy.candidates
        return [part.lexical.search(query, k, allowed) for part in self.parts if len(part.vectors) > k]

    def score(self, vector: Vector, query: LexicalQuery, ids: Ids) -> tuple[Scores, LexicalMatch]:
        """Score every candidate by both indexes. Each is in one part; in the others, and once removed, it scores 0."""
        scores = np.zeros((5, len(ids)), np.float32)
        documents = np.zeros(len(ids), np.int64)
        for part in self.parts:
            match = part.lexical.match(query, ids)
            rows = (part.vectors.scores(vector, ids), match.share, match.adjacent, match.proximity, match.title)
            scores += np.nan_to_num(np.stack(rows))
            documents += match.documents
        return scores[0], LexicalMatch(documents, *scores[1:])
