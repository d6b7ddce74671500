"""Sets of passage ids as sorted arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.types import Ids


def contained(ids: Ids, id_set: Ids) -> NDArray[np.bool_]:
    """Whether each id is in the sorted set, by bisection: a few ids in a set of a million take microseconds, where NumPy's set
    functions sort both.
    """
    if not len(id_set):
        return np.zeros(len(ids), bool)
    places = np.searchsorted(id_set, ids)
    places[places == len(id_set)] = 0
    found: NDArray[np.bool_] = id_set[places] == ids
    return found
