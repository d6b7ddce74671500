"""The dense leg while there are few passages: every vector in memory, every similarity computed, in FAISS.

Vectors have unit length, so FAISS's inner product is the cosine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index.embedded.dense.id_map import IdMap, Rows
from index.types import Hit, Ids, Matrix, Scores, Vector

INDEX_FILE = "vectors.faiss"
IDS_FILE = "vector-ids.npy"


class FlatDenseIndex:
    """Exact search over a flat index."""

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
        self._rows.remove(ids)

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> list[Hit]:
        return self._rows.hits(*self._found(question, k, allowed), k)

    def candidates(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        return self._rows.best(*self._found(question, k, allowed), k)

    def _found(self, question: Vector, k: int, allowed: Ids | None) -> tuple[Rows, Scores]:
        k = min(k, len(self))
        if k < 1 or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        # The parameters hold only pointers: selector and bits must live until the search is over.
        bits = self._rows.selected(allowed)
        parameters: Any = None
        if bits is not None:
            selector = faiss.IDSelectorBitmap(len(self._rows.ids), faiss.swig_ptr(bits))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        faiss.omp_set_num_threads(1)  # of this thread: other questions use the other cores
        similarities, rows = self._index.search(question[None, :], k, params=parameters)
        found = rows[0] >= 0
        return rows[0][found], similarities[0][found]

    def scores(self, question: Vector, ids: Ids) -> Scores:
        rows, here = self._rows.rows_of(ids)
        scores = np.full(len(ids), np.nan, np.float32)
        scores[here] = self._matrix()[rows[here]] @ question
        return scores

    def save(self, folder: Path) -> None:
        faiss.write_index(self._index, str(folder / INDEX_FILE))
        np.save(folder / IDS_FILE, self._rows.ids)

    @classmethod
    def load(cls, folder: Path) -> FlatDenseIndex:
        """Read what `save` wrote. The files must have been verified: FAISS has no checksum of its own."""
        index = faiss.read_index(str(folder / INDEX_FILE))
        loaded = cls(index.d)
        loaded._index = index
        loaded._rows = IdMap(np.load(folder / IDS_FILE))
        return loaded

    def _matrix(self) -> Matrix:
        """The vectors where FAISS keeps them, not copied."""
        count, dimension = self._index.ntotal, self._index.d
        matrix: Matrix = faiss.rev_swig_ptr(self._index.get_xb(), count * dimension).reshape(count, dimension)
        return matrix
