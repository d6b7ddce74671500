"""Which passage stands in which row of a vector index: rows stand in the order of the ids, and removed ones are passed over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.id_sets import blocks, contained, places_of
from index.types import Hit, Ids, Scores

Rows = NDArray[np.int64]


class IdMap:
    """`ids[r]` is the passage in row r."""

    def __init__(self, ids: Ids | None = None) -> None:
        self.ids: Ids = np.empty(0, np.int64) if ids is None else ids
        self._removed: Ids = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids) - len(self._removed)

    @property
    def present(self) -> Ids:
        return np.setdiff1d(self.ids, self._removed, assume_unique=True) if len(self._removed) else self.ids

    def append(self, ids: Ids) -> None:
        self.ids = np.concatenate([self.ids, ids])

    def remove(self, ids: Ids) -> None:
        if len(known := ids[contained(ids, self.ids)]):
            self._removed = np.union1d(self._removed, known)

    def rows_of(self, ids: Ids) -> tuple[Rows, NDArray[np.bool_]]:
        """The row of each id, and whether the id can be found here at all."""
        rows, here = places_of(ids, self.ids)
        if len(self._removed):
            here &= ~contained(ids, self._removed)
        return rows, here

    def selected(self, allowed: Ids | None) -> NDArray[np.uint8] | None:
        """One bit a row (least significant first), set where it may be found; None where all may."""
        if allowed is None and not len(self._removed):
            return None
        ids = self.ids if allowed is None else allowed
        selected = np.zeros(len(self.ids), bool)
        for some in blocks(len(ids)):
            rows, here = self.rows_of(ids[some])
            selected[rows[here]] = True
        return np.packbits(selected, bitorder="little")

    def still_here(self, rows: Rows) -> Rows:
        """Those of the rows whose passages were not removed."""
        return rows[~contained(self.ids[rows], self._removed)] if len(self._removed) else rows

    def hits(self, rows: Rows, scores: Scores, k: int) -> list[Hit]:
        """The best k of these rows, best first, equal scores by rising id (which is by rising row)."""
        best = _best(rows, scores, k)
        return [Hit(*pair) for pair in zip(self.ids[rows[best]].tolist(), scores[best].tolist(), strict=True)]

    def best(self, rows: Rows, scores: Scores, k: int) -> Ids:
        """The ids of `hits`."""
        return self.ids[rows if len(rows) <= k else rows[_best(rows, scores, k)]]


def _best(rows: Rows, scores: Scores, k: int) -> Rows:
    return np.lexsort((rows, -scores))[:k]
