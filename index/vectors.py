"""The dense leg in FAISS. The only importer of faiss.

Vectors have unit length, so FAISS's inner product is the cosine. Rows are found by position; `ids` maps them to passages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index.types import Hit, Ids, Matrix, Scores, Vector

INDEX_FILE = "vectors.faiss"
IDS_FILE = "vector-ids.npy"


class FaissVectorIndex:
    """Exact search over a flat index."""

    def __init__(self, dimension: int) -> None:
        self._index: Any = faiss.IndexFlatIP(dimension)
        self._ids: Ids = np.empty(0, np.int64)
        self._removed: Ids = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._ids) - len(self._removed)

    @property
    def ids(self) -> Ids:
        return np.setdiff1d(self._ids, self._removed, assume_unique=True)

    def add(self, ids: Ids, vectors: Matrix) -> None:
        self._index.add(np.ascontiguousarray(vectors, np.float32))
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: Ids) -> None:
        self._removed = np.union1d(self._removed, np.intersect1d(ids, self._ids))

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> list[Hit]:
        k = min(k, len(self))
        if k < 1 or (allowed is not None and not len(allowed)):
            return []
        # The parameters hold only pointers: selector and bits must live until the search is over.
        bits = self._selected_rows(allowed)
        parameters: Any = None
        if bits is not None:
            selector = faiss.IDSelectorBitmap(len(self._ids), faiss.swig_ptr(bits))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        similarities, rows = self._index.search(question[None, :], k, params=parameters)
        found = rows[0] >= 0
        pairs = zip(self._ids[rows[0][found]].tolist(), similarities[0][found].tolist(), strict=True)
        return [Hit(*pair) for pair in sorted(pairs, key=lambda pair: (-pair[1], pair[0]))]

    def scores(self, question: Vector, ids: Ids) -> Scores:
        rows, here = self._rows(ids)
        scores = np.full(len(ids), np.nan, np.float32)
        scores[here] = self._matrix()[rows[here]] @ question
        return scores

    def save(self, folder: Path) -> None:
        faiss.write_index(self._index, str(folder / INDEX_FILE))
        np.save(folder / IDS_FILE, self._ids)

    @classmethod
    def load(cls, folder: Path) -> FaissVectorIndex:
        """Read what `save` wrote. The files must have been verified: FAISS has no checksum of its own."""
        index = faiss.read_index(str(folder / INDEX_FILE))
        loaded = cls(index.d)
        loaded._index = index
        loaded._ids = np.load(folder / IDS_FILE)
        return loaded

    def _matrix(self) -> Matrix:
        """The vectors where FAISS keeps them, not copied."""
        count, dimension = self._index.ntotal, self._index.d
        matrix: Matrix = faiss.rev_swig_ptr(self._index.get_xb(), count * dimension).reshape(count, dimension)
        return matrix

    def _rows(self, ids: Ids) -> tuple[Ids, np.ndarray[Any, np.dtype[np.bool_]]]:
        rows = np.searchsorted(self._ids, ids)
        here = rows < len(self._ids)
        here[here] = self._ids[rows[here]] == ids[here]
        if len(self._removed):
            here &= ~np.isin(ids, self._removed)
        return rows, here

    def _selected_rows(self, allowed: Ids | None) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        """One bit a row, set where it may be found; None where all may."""
        if allowed is None and not len(self._removed):
            return None
        selected = np.full(len(self._ids), allowed is None)
        if allowed is not None:
            rows, here = self._rows(allowed)
            selected[rows[here]] = True
        selected[np.searchsorted(self._ids, self._removed)] = False
        return np.packbits(selected, bitorder="little")
