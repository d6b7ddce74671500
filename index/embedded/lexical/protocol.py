"""What every lexical index does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from index.types import Ids, IndexedText, LexicalMatch, LexicalQuery


class LexicalIndex(Protocol):
    """BM25 and further lexical features. Ids must be added in ascending order and only once."""

    def __len__(self) -> int: ...
    @property
    def total_length(self) -> int:
        """The number of terms over all passages."""
        ...

    def add(self, ids: Ids, texts: Sequence[IndexedText]) -> None: ...
    def remove(self, ids: Ids) -> None:
        """Unknown ids are ignored."""
        ...

    def document_frequency(self, term: str) -> int:
        """The number of passages that hold the term; removed ones may count until the index is rebuilt."""
        ...

    def frequency_among(self, ids: Ids) -> Callable[[str], int]:
        """Counts those of the passages `ids` that hold a term; 0 only if none of them is found to. May be an estimate for many ids."""
        ...

    def length_of(self, ids: Ids) -> int:
        """The number of terms over those of the passages `ids` that it holds."""
        ...

    def passages_of_documents(self, numbers: Ids) -> Ids:
        """The passages of these documents, ascending."""
        ...

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        """The ids of the best k by BM25 share among the passages with a scored term, in any order; filter and ties as in DenseIndex."""
        ...

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        """The features of these passages, in the order of `ids`."""
        ...
