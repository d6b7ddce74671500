"""Maps the rows of a dense index to passage ids, both ascending, and filters removed passages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.id_sets import blocks, find_positions, isin_sorted
from index.types import Ids, Scores

Rows = NDArray[np.int64]


class IdMap:
    """`ids[r]` is the passage in row r. Arrays are replaced, never modified, so that a shallow copy keeps its contents."""

    def __init__(self, ids: Ids | None = None) -> None:
        self.ids: Ids = np.empty(0, np.int64) if ids is None else ids
        self._removed: Ids = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids) - len(self._removed)

    @property
    def present(self) -> Ids:
        """The ids that were not removed."""
        return np.setdiff1d(self.ids, self._removed, assume_unique=True) if len(self._removed) else self.ids

    def append(self, ids: Ids) -> None:
        self.ids = np.concatenate([self.ids, ids])

    def remove(self, ids: Ids) -> None:
        if len(known := ids[isin_sorted(ids, self.ids)]):
            self._removed = np.union1d(self._removed, known)

    def find_rows(self, ids: Ids) -> tuple[Rows, NDArray[np.bool_]]:
        """The row of each id, and whether the id is present."""
        rows, known = find_positions(ids, self.ids)
        if len(self._removed):
            known &= ~isin_sorted(ids, self._removed)
        return rows, known

    def bitmap(self, allowed: Ids | None) -> NDArray[np.uint8] | None:
        """One bit per row (least significant first), set if the row may be found; None if all rows may."""
        if allowed is None and not len(self._removed):
            return None
        ids = self.ids if allowed is None else allowed
        selected = np.zeros(len(self.ids), bool)
        for block in blocks(len(ids)):
            rows, known = self.find_rows(ids[block])
            selected[rows[known]] = True
        return np.packbits(selected, bitorder="little")

    def drop_removed(self, rows: Rows) -> Rows:
        return rows[~isin_sorted(self.ids[rows], self._removed)] if len(self._removed) else rows

    def best(self, rows: Rows, scores: Scores, k: int) -> Ids:
        """The ids of the best k rows, equal scores by ascending id."""
        return self.ids[rows if len(rows) <= k else rows[np.lexsort((rows, -scores))[:k]]]
