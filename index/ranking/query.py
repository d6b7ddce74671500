"""What is asked of whoever ranks passages, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from index.embedded.snapshot import IndexSnapshot
from index.filters import Filter
from index.ranking.result import Ranking
from index.types import Ids, Vector


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A question as it was read: its text with the spelling corrected, and what gives its vector, which may be on its way still.

    `context`: what was said before, whose terms count `context_weight` times their idf.
    """

    question: str
    embedded: Callable[[], Vector]
    context: str = ""
    context_weight: float = 0.0

    @property
    def vector(self) -> Vector:
        """Of unit length."""
        return self.embedded()


@dataclass(frozen=True, slots=True)
class DenseCandidates:
    """How near the nearest passage is to a vector (the greatest inner product, 0 where there is no passage), and the nearest ones.

    To rank a question with this vector by them saves looking for them again: in `state`, those of each of its parts.
    """

    score: float
    state: IndexSnapshot
    ids: Sequence[Ids]


class SearcherProtocol(Protocol):
    """What ranks passages for a question: the searcher, or one that arranges them otherwise to be compared with it."""

    def read(self, question: str) -> PreparedQuery: ...
    def vector(self, texts: Sequence[str]) -> Vector: ...
    def allowed(self, filter_: Filter) -> Ids: ...
    def nearest(self, vector: Vector, allowed: Ids | None = None) -> DenseCandidates: ...
    def rank(
        self,
        asked: PreparedQuery,
        allowed: Ids | None = None,
        *,
        by_words: bool = False,
        nearest: DenseCandidates | None = None,
    ) -> Ranking: ...


class SearcherWrapper:
    """Searches as another one does; whoever derives from it says in which order its rankings are."""

    def __init__(self, searcher: SearcherProtocol) -> None:
        self._searcher = searcher

    def read(self, question: str) -> PreparedQuery:
        return self._searcher.read(question)

    def vector(self, texts: Sequence[str]) -> Vector:
        return self._searcher.vector(texts)

    def allowed(self, filter_: Filter) -> Ids:
        return self._searcher.allowed(filter_)

    def nearest(self, vector: Vector, allowed: Ids | None = None) -> DenseCandidates:
        return self._searcher.nearest(vector, allowed)
