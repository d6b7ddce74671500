"""Brute-force dense index in NumPy; serves the unindexed tail."""

from __future__ import annotations

import numpy as np

from index.id_sets import find_positions, isin_sorted
from index.types import Ids, Matrix, Scores, Vector


class BruteForceDenseIndex:
    """Arrays are replaced, never modified, so a shallow copy keeps its contents when the original changes."""

    def __init__(self) -> None:
        self._ids: Ids = np.empty(0, np.int64)
        self._matrix: Matrix = np.empty((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Ids:
        return self._ids

    def add(self, ids: Ids, vectors: Matrix) -> None:
        self._matrix = np.concatenate([self._matrix.reshape(-1, vectors.shape[1]), vectors])
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: Ids) -> None:
        kept = ~np.isin(self._ids, ids)
        self._ids, self._matrix = self._ids[kept], self._matrix[kept]

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        if not len(self._ids):
            return self._ids
        searched = np.full(len(self._ids), True) if allowed is None else isin_sorted(self._ids, allowed)
        ids, cosines = self._ids[searched], self._matrix[searched] @ question
        return ids[np.lexsort((ids, -cosines))[: max(k, 0)]]

    def scores(self, question: Vector, ids: Ids) -> Scores:
        rows, known = find_positions(ids, self._ids)
        scores = np.full(len(ids), np.nan, np.float32)
        if known.any():
            scores[known] = self._matrix[rows[known]] @ question
        return scores
