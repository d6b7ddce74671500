"""Both indexes written so that they are obviously right: NumPy and plain Python.

They are the oracles of the contract tests, and they search what was added since the last generation was built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from index.text.analysis import terms
from index.types import Hit, Ids, IndexedText, LexicalMatch, LexicalQuery, Matrix, Scores, Vector

# Robertson's k1 and b. On seven sets .9 and .4 ranked better than 1.2 and .75 (mean nDCG@10 .7295 against .7235).
K1 = 0.9
B = 0.4
# In terms: what stands in so many counts as standing together.
WINDOW = 15


def bm25_share(query: LexicalQuery, terms_: Sequence[str]) -> float:
    """`sum(w tf / (tf + k1 (1 - b + b length / mean_length)))` over the query's best possible score.

    Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), without the factor k1 + 1.
    """
    if not query.best_score:
        return 0.0
    frequencies = Counter(terms_)
    norm = K1 * (1 - B + B * len(terms_) / query.mean_length)
    return sum(weight * frequencies[term] / (frequencies[term] + norm) for term, weight in query.sought) / query.best_score


def adjacent_share(query: LexicalQuery, terms_: Sequence[str]) -> float:
    """The share of the query's neighbouring pairs (each with the idf of both) that are neighbours in the passage."""
    pairs = list(pairwise(query.weights))
    total = sum(one + other for (_, one), (_, other) in pairs)
    found = set(pairwise(terms_))
    return sum(one + other for (first, one), (second, other) in pairs if (first, second) in found) / total if total else 0.0


def together_share(query: LexicalQuery, terms_: Sequence[str]) -> float:
    """The largest share of the query's idf that WINDOW terms in a row hold."""
    return max((_held(query, terms_[start : start + WINDOW]) for start in range(len(terms_))), default=0.0)


def title_share(query: LexicalQuery, title: Sequence[str]) -> float:
    """The share of the query's idf in the title, times the share of the title's terms that are the query's."""
    sought = {term for term, _ in query.weights}
    return _held(query, title) * len(sought & set(title)) / max(len(title), 1)


def _held(query: LexicalQuery, terms_: Sequence[str]) -> float:
    total = sum(weight for _, weight in query.weights)
    return sum(weight for term, weight in query.weights if term in terms_) / total if total else 0.0


class BruteForceDenseIndex:
    """Every similarity is computed for every search. What is there is replaced, never changed in place: a shallow copy stays as it is."""

    def __init__(self) -> None:
        self._rows: tuple[Ids, Matrix] = (np.empty(0, np.int64), np.empty((0, 0), np.float32))

    def __len__(self) -> int:
        return len(self._rows[0])

    @property
    def ids(self) -> Ids:
        return self._rows[0]

    def add(self, ids: Ids, vectors: Matrix) -> None:
        known, matrix = self._rows
        self._rows = np.concatenate([known, ids]), np.concatenate([matrix.reshape(-1, vectors.shape[1]), vectors])

    def remove(self, ids: Ids) -> None:
        known, matrix = self._rows
        kept = ~np.isin(known, ids)
        self._rows = known[kept], matrix[kept]

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> list[Hit]:
        ids, matrix = self._rows
        if not len(ids):
            return []
        searched = slice(None) if allowed is None else np.isin(ids, allowed)
        return _best(zip(ids[searched].tolist(), (matrix[searched] @ question).tolist(), strict=True), k)

    def candidates(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        return np.array([hit.passage_id for hit in self.search(question, k, allowed)], np.int64)

    def scores(self, question: Vector, ids: Ids) -> Scores:
        known, matrix = self._rows
        scores = np.full(len(ids), np.nan, np.float32)
        rows = {passage_id: row for row, passage_id in enumerate(known.tolist())}
        here = np.array([passage_id in rows for passage_id in ids.tolist()], bool)
        if here.any():
            scores[here] = matrix[[rows[passage_id] for passage_id in ids[here].tolist()]] @ question
        return scores


class ExactLexicalIndex:
    """The terms of every passage, and which passages hold which term."""

    def __init__(self) -> None:
        self._titles: dict[int, list[str]] = {}
        self._terms: dict[int, list[str]] = {}
        self._documents: dict[int, int] = {}
        self._holders: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._terms)

    @property
    def total_length(self) -> int:
        return sum(map(len, self._terms.values()))

    def add(self, ids: Ids, texts: Sequence[IndexedText]) -> None:
        for passage_id, text in zip(ids.tolist(), texts, strict=True):
            title = self._titles[passage_id] = terms(text.title)
            found = self._terms[passage_id] = title + terms(text.body)
            self._documents[passage_id] = text.document
            for term in found:
                self._holders.setdefault(term, set()).add(passage_id)

    def remove(self, ids: Ids) -> None:
        for passage_id in ids.tolist():
            for term in self._terms.pop(passage_id, []):
                self._holders[term].discard(passage_id)

    def document_frequency(self, term: str) -> int:
        return len(self._holders.get(term, ()))

    def of_documents(self, numbers: Ids) -> Ids:
        sought = set(numbers.tolist())
        return np.array(sorted(i for i in self._terms if self._documents[i] in sought), np.int64)

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> list[Hit]:
        holders = set().union(*(self._holders.get(term, set()) for term, _ in query.sought))
        return _best(((i, bm25_share(query, self._terms[i])) for i in _allowed(holders, allowed)), k)

    def candidates(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        return np.array([hit.passage_id for hit in self.search(query, k, allowed)], np.int64)

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        rows = [self._match(query, passage_id) for passage_id in ids.tolist()]
        share, adjacent, together, title = np.array(rows, np.float32).reshape(-1, 4).T
        documents = [self._documents[i] if i in self._terms else 0 for i in ids.tolist()]
        return LexicalMatch(np.array(documents, np.int64), share, adjacent, together, title)

    def _match(self, query: LexicalQuery, passage_id: int) -> tuple[float, float, float, float]:
        if passage_id not in self._terms:
            return (float("nan"),) * 4
        terms_ = self._terms[passage_id]
        return (
            bm25_share(query, terms_),
            adjacent_share(query, terms_),
            together_share(query, terms_),
            title_share(query, self._titles[passage_id]),
        )


def _allowed(ids: Iterable[int], allowed: Ids | None) -> list[int]:
    return list(ids) if allowed is None else list(set(ids).intersection(allowed.tolist()))


def _best(scored: Iterable[tuple[int, float]], k: int) -> list[Hit]:
    return [Hit(*pair) for pair in sorted(scored, key=lambda pair: (-pair[1], pair[0]))[: max(k, 0)]]
