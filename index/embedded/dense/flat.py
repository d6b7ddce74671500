"""Exact dense index for few passages: a flat FAISS index, every vector in memory.

Vectors have unit length, so FAISS's inner product is the cosine.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index.embedded.dense.id_map import IdMap
from index.types import Ids, Matrix, Scores, Vector

INDEX_FILE = "vectors.faiss"
IDS_FILE = "vector-ids.npy"


class FlatDenseIndex:
    def __init__(self, dimension: int) -> None:
        self._index: Any = faiss.IndexFlatIP(dimension)
        self._rows = IdMap()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> Ids:
        return self._rows.present

    def add(self, ids: Ids, vectors: Matrix) -> None:
        self._index.add(np.ascontiguousarray(vectors, np.float32))
        self._rows.append(ids)

    def remove(self, ids: Ids) -> None:
        self._rows = copy(self._rows)
        self._rows.remove(ids)

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        k = min(k, len(self))
        if k < 1 or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64)
        # The parameters hold only pointers: keep selector and bitmap alive until the search returns.
        bitmap = self._rows.bitmap(allowed)
        parameters: Any = None
        if bitmap is not None:
            selector = faiss.IDSelectorBitmap(len(self._rows.ids), faiss.swig_ptr(bitmap))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        faiss.omp_set_num_threads(1)  # for this thread; concurrent searches use the other cores
        cosines, rows = self._index.search(question[None, :], k, params=parameters)
        found = rows[0] >= 0
        return self._rows.best(rows[0][found], cosines[0][found], k)

    def scores(self, question: Vector, ids: Ids) -> Scores:
        rows, known = self._rows.find_rows(ids)
        scores = np.full(len(ids), np.nan, np.float32)
        scores[known] = self._matrix()[rows[known]] @ question
        return scores

    def save(self, folder: Path) -> None:
        faiss.write_index(self._index, str(folder / INDEX_FILE))
        np.save(folder / IDS_FILE, self._rows.ids)

    @classmethod
    def load(cls, folder: Path) -> FlatDenseIndex:
        """Verify the files first: FAISS has no checksums."""
        index = faiss.read_index(str(folder / INDEX_FILE))
        loaded = cls(index.d)
        loaded._index = index
        loaded._rows = IdMap(np.asarray(np.load(folder / IDS_FILE, mmap_mode="r")))
        return loaded

    def _matrix(self) -> Matrix:
        """FAISS's own array of the vectors, not a copy."""
        count, dimension = self._index.ntotal, self._index.d
        matrix: Matrix = faiss.rev_swig_ptr(self._index.get_xb(), count * dimension).reshape(count, dimension)
        return matrix
