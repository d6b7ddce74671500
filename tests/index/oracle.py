"""Oracle of the index contracts: the formulas in plain Python, obviously right and slow; and searches as ranked hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from index.embedded.dense.protocol import DenseIndex
from index.embedded.lexical.protocol import LexicalIndex
from index.text.analysis import passage_terms
from index.types import Ids, IndexedText, LexicalMatch, LexicalQuery, Scores, Vector

# Robertson's k1 and b, and the window of proximity in terms. Not imported: a change of the product's constants must be seen here.
K1, B, WINDOW = 0.9, 0.4, 15


class Hit(NamedTuple):
    passage_id: int
    score: float


def dense_hits(index: DenseIndex, question: Vector, k: int, allowed: Ids | None = None) -> list[Hit]:
    """The passages that a search finds, with their scores, best first, equal scores by ascending id."""
    ids = index.search(question, k, allowed)
    return ranked(ids, index.scores(question, ids))


def lexical_hits(index: LexicalIndex, query: LexicalQuery, k: int, allowed: Ids | None = None) -> list[Hit]:
    """The passages that a search finds, with their BM25 shares, best first, equal shares by ascending id."""
    ids = index.search(query, k, allowed)
    return ranked(ids, index.match(query, ids).share)


def ranked(ids: Ids, scores: Scores) -> list[Hit]:
    hits = [Hit(*pair) for pair in zip(ids.tolist(), scores.tolist(), strict=True)]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))


def bm25_share(query: LexicalQuery, passage: Sequence[str]) -> float:
    """`sum(w tf / (tf + k1 (1 - b + b length / mean_length)))` over the query's best possible score."""
    if not query.best_score:
        return 0.0
    frequencies = Counter(passage)
    norm = K1 * (1 - B + B * len(passage) / query.mean_length)
    total = sum(weight * frequencies[term] / (frequencies[term] + norm) for term, weight in query.scored_terms)
    return total / query.best_score


def adjacent_share(query: LexicalQuery, passage: Sequence[str]) -> float:
    """The share of the query's neighbouring pairs, weighted with the idf of both, that are neighbours in the passage."""
    pairs = list(pairwise(query.weights))
    total = sum(one + other for (_, one), (_, other) in pairs)
    found = set(pairwise(passage))
    return sum(one + other for (first, one), (second, other) in pairs if (first, second) in found) / total if total else 0.0


def proximity_share(query: LexicalQuery, passage: Sequence[str]) -> float:
    """The largest share of the query's idf within WINDOW consecutive terms."""
    return max((idf_share(query, passage[start : start + WINDOW]) for start in range(len(passage))), default=0.0)


def title_share(query: LexicalQuery, title: Sequence[str]) -> float:
    """The share of the query's idf in the title, times the share of the title's terms that are the query's."""
    own = {term for term, _ in query.weights}
    return idf_share(query, title) * len(own & set(title)) / max(len(title), 1)


def idf_share(query: LexicalQuery, passage: Sequence[str]) -> float:
    total = sum(weight for _, weight in query.weights)
    return sum(weight for term, weight in query.weights if term in passage) / total if total else 0.0


class OracleLexicalIndex:
    """The terms of every passage, and the passages of every term."""

    def __init__(self) -> None:
        self._titles: dict[int, list[str]] = {}
        self._terms: dict[int, list[str]] = {}
        self._documents: dict[int, int] = {}
        self._passages_of: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._terms)

    @property
    def total_length(self) -> int:
        return sum(map(len, self._terms.values()))

    def add(self, ids: Ids, texts: Sequence[IndexedText]) -> None:
        for passage_id, text in zip(ids.tolist(), texts, strict=True):
            title, body = passage_terms(text.title, text.body, text.language)
            self._titles[passage_id] = title
            found = self._terms[passage_id] = title + body
            self._documents[passage_id] = text.document
            for term in found:
                self._passages_of.setdefault(term, set()).add(passage_id)

    def remove(self, ids: Ids) -> None:
        for passage_id in ids.tolist():
            for term in self._terms.pop(passage_id, []):
                self._passages_of[term].discard(passage_id)

    def document_frequency(self, term: str) -> int:
        return len(self._passages_of.get(term, ()))

    def passages_of_documents(self, numbers: Ids) -> Ids:
        return np.array(sorted(i for i in self._terms if self._documents[i] in set(numbers.tolist())), np.int64)

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        found = set().union(*(self._passages_of.get(term, set()) for term, _ in query.scored_terms))
        if allowed is not None:
            found &= set(allowed.tolist())
        best = sorted(found, key=lambda i: (-bm25_share(query, self._terms[i]), i))
        return np.array(best[: max(k, 0)], np.int64)

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        rows = [self._match(query, passage_id) for passage_id in ids.tolist()]
        share, adjacent, proximity, title = np.array(rows, np.float32).reshape(-1, 4).T
        documents = [self._documents[i] if i in self._terms else 0 for i in ids.tolist()]
        return LexicalMatch(np.array(documents, np.int64), share, adjacent, proximity, title)

    def _match(self, query: LexicalQuery, passage_id: int) -> tuple[float, float, float, float]:
        if passage_id not in self._terms:
            return (float("nan"),) * 4
        passage = self._terms[passage_id]
        return (
            bm25_share(query, passage),
            adjacent_share(query, passage),
            proximity_share(query, passage),
            title_share(query, self._titles[passage_id]),
        )
