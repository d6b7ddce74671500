"""Operations on sets of passage ids, kept as sorted arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from index.types import Ids

# Temporary arrays of this many rows fit the processor's cache and do not fragment memory.
ROWS_AT_ONCE = 65_536


def blocks(count: int) -> Iterator[slice]:
    """Consecutive slices that cover `count` rows."""
    return (slice(first, first + ROWS_AT_ONCE) for first in range(0, count, ROWS_AT_ONCE))


def find_positions(ids: Ids, id_set: Ids) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The position of each id in the sorted set, and whether it is a member; positions of other ids are undefined.

    Bisection finds a few ids in a set of a million within microseconds; NumPy's set functions sort both arrays.
    """
    count = len(id_set)
    if count and id_set[-1] - id_set[0] == count - 1:  # consecutive ids, the usual case: no search needed
        positions = ids - id_set[0]
        return positions, (positions >= 0) & (positions < count)
    positions = np.searchsorted(id_set, ids)
    known = positions < count
    known[known] = id_set[positions[known]] == ids[known]
    return positions, known


def isin_sorted(ids: Ids, id_set: Ids) -> NDArray[np.bool_]:
    """Whether each id is in the sorted set."""
    return find_positions(ids, id_set)[1]
