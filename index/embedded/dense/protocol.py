"""What every dense index does."""

from __future__ import annotations

from typing import Protocol

from index.types import Ids, Matrix, Scores, Vector


class DenseIndex(Protocol):
    """Cosine similarity, -1..1. Ids must be added in ascending order and only once."""

    def __len__(self) -> int: ...
    @property
    def ids(self) -> Ids:
        """The ids that a search can return, ascending."""
        ...

    def add(self, ids: Ids, vectors: Matrix) -> None: ...
    def remove(self, ids: Ids) -> None:
        """Unknown ids are ignored."""
        ...

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        """The ids of the best k in any order; of equal scores the lowest ids. `None` is no filter, an empty one allows nothing."""
        ...

    def scores(self, question: Vector, ids: Ids) -> Scores:
        """One score for each id, in their order; NaN for an unknown id."""
        ...
