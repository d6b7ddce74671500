"""The words of the index: Hit, LexicalQuery, the protocols every implementation keeps, and the errors.

Scores are "higher is better" everywhere; an engine's own convention is converted where it enters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from corpus.types import QuotableError

Vector = NDArray[np.float32]  # (d,), unit length
Matrix = NDArray[np.float32]  # (n, d), rows of unit length
Ids = NDArray[np.int64]  # passage ids; where an id set is meant, sorted and without repeats
Scores = NDArray[np.float32]
Precision = Literal["fp32", "int8"]  # of the numbers that a model computes with


class StoreError(QuotableError):
    """The data folder cannot be opened, read or written."""


class NewerFormat(StoreError):
    """The data folder was written by a newer version of this program."""


class StorageFull(StoreError):
    """There is no space left to write; what is stored stays readable."""


class DamagedRow(StoreError):
    """What is stored is not what was written."""


class ModelError(QuotableError):
    """The embedding model cannot be used."""


class FingerprintMismatch(ModelError):
    """The store holds vectors of another model than the one that is configured."""


class DamagedIndex(QuotableError):
    """A derived index on disk is not what was written there."""


class Hit(NamedTuple):
    passage_id: int
    score: float


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What the lexical index reads of a passage: its document's title, its headings and text, and its document's number."""

    title: str
    body: str
    document: int


@dataclass(frozen=True, slots=True)
class LexicalQuery:
    """`weights`: the question's distinct terms, in order, with their idf, those included that the corpus lacks.

    `context`: terms of what was said before, with a part of their idf; they are looked for, and where they stand does not matter.
    `besides`: what the corpus may say instead, with some of the weight: neighbours written as one word ("child care" -> "childcare"),
    the other form of an abbreviation, words of like meaning ("regulations" -> "rules").
    `mean_length` is the corpus's mean passage length in terms. All come from the whole corpus, so that its parts score alike.
    """

    weights: tuple[tuple[str, float], ...]
    besides: tuple[tuple[str, float], ...]
    mean_length: float
    context: tuple[tuple[str, float], ...] = ()

    @property
    def sought(self) -> tuple[tuple[str, float], ...]:
        """Every term that adds to a passage's BM25, with its weight."""
        return (*self.weights, *self.context, *self.besides)

    @property
    def best_score(self) -> float:
        """What a passage with every term, each without end, would score."""
        return sum(weight for _, weight in (*self.weights, *self.context))


@dataclass(frozen=True, slots=True)
class LexicalMatch:
    """How passages match a query, one value a passage; a passage that is not in the index has NaN (and document 0).

    `share`: BM25 over the query's best possible score. The others are shares of the query's idf, 0..1: `adjacent`, of neighbouring
    terms that are neighbours in the passage too; `together`, within any window of 15 terms; `title`, held by the title, times
    the share of the title's terms that the query holds.
    """

    documents: Ids
    share: Scores
    adjacent: Scores
    together: Scores
    title: Scores


class Embedder(Protocol):
    """Turns text into vectors of unit length. `fingerprint` names the weights and every setting that changes a vector."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def max_tokens(self) -> int:
        """The most tokens of a text that are read, special tokens not counted."""
        ...

    @property
    def word_ranks(self) -> Mapping[str, int]:
        """The whole words of the model's vocabulary, in lower case, with their ranks in it (commoner words come first)."""
        ...

    @property
    def related_words(self) -> Callable[[str], Sequence[tuple[str, float]]]:
        """A word in lower case -> words of like meaning in the model's vocabulary with their cosines, nearest first."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """float32 (n, d), rows of unit length, in the order of `texts`."""
        ...

    def embed_question(self, text: str, *, shared: bool = False) -> Vector:
        """float32 (d,), of unit length. `shared`: others use the cores meanwhile; what is computed is the same."""
        ...

    @property
    def cache_counts(self) -> tuple[int, int]:
        """How many questions' vectors were kept from before, and how many were not."""
        ...


class DenseIndex(Protocol):
    """Cosine similarity, -1..1. Ids must be added in rising order and only once."""

    def __len__(self) -> int: ...
    @property
    def ids(self) -> Ids:
        """Those that can be found, in rising order."""
        ...

    def add(self, ids: Ids, vectors: Matrix) -> None: ...
    def remove(self, ids: Ids) -> None:
        """Unknown ids are passed over."""
        ...

    def search(self, question: Vector, k: int, allowed: Ids | None = None) -> list[Hit]:
        """The best k, best first, equal scores by rising id. `allowed=None` is no filter, an empty one allows nothing."""
        ...

    def candidates(self, question: Vector, k: int, allowed: Ids | None = None) -> Ids:
        """The ids that `search` finds, in any order."""
        ...

    def scores(self, question: Vector, ids: Ids) -> Scores:
        """One score for each id, in their order; NaN for an id that is not here."""
        ...


class LexicalIndex(Protocol):
    """BM25 and what else can be said of a passage's words. Ids must be added in rising order and only once."""

    def __len__(self) -> int: ...
    @property
    def total_length(self) -> int:
        """The number of terms over all passages."""
        ...

    def add(self, ids: Ids, texts: Sequence[IndexedText]) -> None: ...
    def remove(self, ids: Ids) -> None:
        """Unknown ids are passed over."""
        ...

    def document_frequency(self, term: str) -> int:
        """How many passages hold the term; removed ones may still count until the index is built anew."""
        ...

    def of_documents(self, numbers: Ids) -> Ids:
        """The passages of these documents, in rising order."""
        ...

    def search(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> list[Hit]:
        """The best k by BM25 share among those that hold a term of the query, best first, equal scores by rising id.

        `allowed` as in DenseIndex.
        """
        ...

    def candidates(self, query: LexicalQuery, k: int, allowed: Ids | None = None) -> Ids:
        """The ids that `search` finds, in any order."""
        ...

    def match(self, query: LexicalQuery, ids: Ids) -> LexicalMatch:
        """How these passages match, in the order of `ids`."""
        ...
