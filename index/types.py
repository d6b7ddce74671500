"""Shared types of the index: stored documents, queries, jobs, errors, and the protocols of embedders and re-rankers.

Scores are "higher is better" everywhere; a library's own convention is converted where it enters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from corpus.types import MetadataValue, Passage, QuotableError, page_at

Vector = NDArray[np.float32]  # (d,), unit length
Matrix = NDArray[np.float32]  # (n, d), rows of unit length
Ids = NDArray[np.int64]  # passage ids; an id set is sorted and has no duplicates
Scores = NDArray[np.float32]
Precision = Literal["fp32", "int8"]  # number format of a model's weights


class StoreError(QuotableError):
    """The data folder cannot be opened, read or written."""


class NewerFormat(StoreError):
    """The data folder was written by a newer version of this program."""


class EngineUnavailable(StoreError):
    """The cluster cannot be reached, or does not answer in time; it may a moment later."""


class StorageFull(StoreError):
    """No space is left on the disk; stored data stays readable."""


class DamagedRow(StoreError):
    """A stored row does not match its hash."""


class ModelError(QuotableError):
    """The embedding model cannot be used."""


class FingerprintMismatch(ModelError):
    """The store holds vectors of another model than the configured one."""


class DamagedIndex(QuotableError):
    """A file of a derived index does not match its hash."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was read from.

    `location` identifies it and is never shown: an absolute path, an address, or `upload:` and an id. `source` is shown: the path below
    the folder that was added, the name of the uploaded file, or the address. `source_hash`: SHA-256 of the bytes read, None unless
    everything in them was stored. `file_name`: None for a document without a file. `original`: SHA-256 of the kept file, None if there
    is none.
    """

    location: str | None = None
    source: str | None = None
    source_hash: str | None = None
    file_name: str | None = None
    original: str | None = None


NO_ORIGIN = Origin()
NO_EDITS: Mapping[str, Any] = MappingProxyType({})
DEFAULT_COLLECTION = "default"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document without its text, with what people changed.

    `added`, `changed`: when it was first stored and when its contents last changed, ISO 8601, UTC; empty if unknown. `edits`: what
    people decided, by field: its collection, its groups, a title, a date, metadata. It stays when the document is replaced.
    """

    number: int
    id: str
    title: str
    source: str | None
    source_hash: str | None
    url: str | None
    date: str | None
    type: str | None
    language: str | None
    version: str
    metadata: Mapping[str, MetadataValue]
    location: str | None = None
    file_name: str | None = None
    original: str | None = None
    added: str = ""
    changed: str = ""
    edits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> Origin:
        return Origin(self.location, self.source, self.source_hash, self.file_name, self.original)

    @property
    def collection(self) -> str:
        return str(self.edits.get("collection", DEFAULT_COLLECTION))

    @property
    def access(self) -> list[str] | None:
        """The groups that may read it; None for everyone who may read its collection."""
        groups = self.edits.get("access")
        return None if groups is None else list(groups)


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """A text that a document had or has. `stored`: what was known of the document when this text was replaced, or is known now.

    `since`, `until`: when the text was stored and when it was replaced, ISO 8601, UTC; `until` is None for the present text. `by`: who
    stored it, None if unknown.
    """

    stored: StoredDocument
    since: str
    until: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """`pages`: where the document's pages begin; empty unless they were looked up."""

    id: int
    document: StoredDocument
    passage: Passage
    pages: Sequence[int] = ()

    def page_of(self, offset: int) -> int | None:
        """The page of an offset in or beside the passage; without `pages`, the one on which the passage begins."""
        return page_at(self.pages, offset) if self.pages else self.passage.page


@dataclass(frozen=True, slots=True)
class IndexedText:
    """The text of a passage that the lexical index holds: its document's title, its headings and text, its document's number and
    language.
    """

    title: str
    body: str
    document: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class LexicalQuery:
    """`weights`: the question's distinct terms in order, with their idf, including terms that no passage holds.

    `context`: terms of earlier turns, with a fraction of their idf; they count for BM25 only.
    `expansions`: neighbours written as one word ("child care" -> "childcare") and related words ("regulations" -> "rules"), with a
    reduced weight, and what may be meant by words that may be misspelt.
    `mean_length`: mean passage length in terms. All values come from the whole corpus, so that its parts score alike.
    """

    weights: tuple[tuple[str, float], ...]
    expansions: tuple[tuple[str, float], ...]
    mean_length: float
    context: tuple[tuple[str, float], ...] = ()

    @property
    def scored_terms(self) -> tuple[tuple[str, float], ...]:
        """Every term that counts for BM25, with its weight."""
        return (*self.weights, *self.context, *self.expansions)

    @property
    def best_score(self) -> float:
        """Upper bound of BM25: every term with an infinite frequency."""
        return sum(weight for _, weight in (*self.weights, *self.context))


@dataclass(frozen=True, slots=True)
class LexicalMatch:
    """Lexical features, one value a passage; NaN (and document 0) for a passage that is not in the index.

    `share`: BM25 divided by the query's upper bound. The others are shares of the query's idf, 0..1: `adjacent`, neighbouring
    terms that are neighbours in the passage too; `proximity`, terms within one window of 15 terms; `title`, terms in the title, times
    the share of the title's terms that the query holds.
    """

    documents: Ids
    share: Scores
    adjacent: Scores
    proximity: Scores
    title: Scores

    def at(self, places: NDArray[np.int64]) -> LexicalMatch:
        """Those of some of the passages."""
        scores = (self.share, self.adjacent, self.proximity, self.title)
        return LexicalMatch(self.documents[places], *(values[places] for values in scores))


@dataclass(frozen=True, slots=True)
class CosineScale:
    """A model's cosines -> similarities: the cosines that the default model gives to texts that are related as much.

    `unrelated`, `related`: the model's mean cosines of questions with passages that do not and that do answer them; by default those
    of the default model. Linear between them, and from there to 1, which stays 1.
    """

    unrelated: float = 0.0387
    related: float = 0.4506

    def similarities(self, products: Scores, length: float = 1.0) -> Scores:
        """`products`: the inner products of a vector of this length and passages; so are the similarities."""
        default = CosineScale()
        if self == default:
            return products
        slope = (default.related - default.unrelated) / (self.related - self.unrelated)
        cosines = [-1.0, self.unrelated, self.related, 1.0]
        similarities = [default.unrelated - slope * (1 + self.unrelated), default.unrelated, default.related, 1.0]
        return np.asarray(length * np.interp(products / length, cosines, similarities), products.dtype)


class Embedder(Protocol):
    """Turns text into vectors of unit length. `fingerprint` identifies the weights and every setting that changes a vector."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def max_tokens(self) -> int:
        """Maximum number of tokens read of a text, without special tokens."""
        ...

    @property
    def scale(self) -> CosineScale: ...
    @property
    def word_ranks(self) -> Mapping[str, int]:
        """The whole words of the model's vocabulary in lower case, with their ranks (common words first)."""
        ...

    @property
    def related_words(self) -> Callable[[str], Sequence[tuple[str, float]]]:
        """Word in lower case -> related words of the vocabulary with their cosines, nearest first."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """float32 (n, d), rows of unit length, in the order of `texts`."""
        ...

    def embed_question(self, text: str) -> Vector:
        """float32 (d,), unit length."""
        ...

    @property
    def cache_counts(self) -> tuple[int, int]:
        """Hits and misses of the cache of question vectors."""
        ...


class Reranker(Protocol):
    """Scores passages by reading question and passage together."""

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        """float32 (n,), higher is better."""
        ...
