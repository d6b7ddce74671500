"""Reference engine: dicts and brute force, obviously right and slow. It ranks every allowed passage with the product's formulas."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from corpus.types import Document, Passage
from index.filters import FIELDS, Combination, Filter, Scalar
from index.ranking.fusion import contributions, fuse
from index.ranking.lexical_query import lexical_query
from index.ranking.query import PreparedQuery
from index.text.analysis import words
from index.types import CosineScale, IndexedText, Matrix, Vector
from tests.index.oracle import OracleLexicalIndex

DIMENSION = 16


class HashingEmbedder:
    """The sum of a random vector for each word: fast, deterministic, and similar for texts with common words."""

    fingerprint = "hashing"
    dimension = DIMENSION
    max_tokens = 1_000
    scale = CosineScale()
    word_ranks: Mapping[str, int] = {}
    cache_counts = (0, 0)

    @property
    def related_words(self) -> Callable[[str], Sequence[tuple[str, float]]]:
        return lambda word: ()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(words(text)) for text in texts]

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return np.array([self.embed_question(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)

    def embed_question(self, text: str) -> Vector:
        seeds = [zlib.crc32(word.encode()) for word in words(text)] or [0]
        total = sum(np.random.default_rng(seed).normal(size=DIMENSION) for seed in seeds)
        unit: Vector = (total / np.linalg.norm(total)).astype(np.float32)
        return unit


class Found(NamedTuple):
    """A ranked passage; engines may number passages differently."""

    document_id: str
    start: int
    score: float


@dataclass(frozen=True)
class Stored:
    document: Document
    passages: Sequence[Passage]
    vectors: Matrix
    source: str | None


class ReferenceEngine:
    def __init__(self) -> None:
        self.documents: dict[str, Stored] = {}  # in the order of their last put, which is the order of passage ids

    def put(self, document: Document, passages: Sequence[Passage], vectors: Matrix, source: str | None) -> str:
        outcome = "replaced" if document.id in self.documents else "added"
        self.documents.pop(str(document.id), None)
        self.documents[str(document.id)] = Stored(document, passages, vectors, source)
        return outcome

    def remove(self, document_id: str) -> bool:
        return self.documents.pop(document_id, None) is not None

    def update_source(self, document_id: str, source: str) -> None:
        if document_id in self.documents:
            self.documents[document_id] = replace(self.documents[document_id], source=source)

    def counts(self) -> tuple[int, int]:
        return len(self.documents), sum(len(stored.passages) for stored in self.documents.values())

    def facet(self, key: str, allowed: Filter | None) -> dict[Scalar, int]:
        selected = [stored for stored in self.documents.values() if allowed is None or matches(allowed, stored)]
        return dict(Counter(value for stored in selected for value in set(values_of(stored, key))))

    def search(self, query: PreparedQuery, allowed: Filter | None = None) -> list[Found]:
        index, places, vectors, selected = OracleLexicalIndex(), [], [], []
        for number, stored in enumerate(self.documents.values(), 1):
            for passage, vector in zip(stored.passages, stored.vectors, strict=True):
                body = "\n".join((*passage.headings, passage.text))
                text = IndexedText(stored.document.title, body, number, stored.document.language)
                index.add(np.array([len(places)], np.int64), [text])
                places.append((str(stored.document.id), passage.start))
                vectors.append(vector)
                selected.append(allowed is None or matches(allowed, stored))
        ids = np.flatnonzero(selected)
        if not len(ids):
            return []
        terms = lexical_query(
            query.question,
            index.document_frequency,
            len(index),
            index.total_length / len(index),
            {},
            context=query.context,
            context_weight=query.context_weight,
            synonyms=query.synonyms,
            languages=query.languages,
        )
        match = index.match(terms, ids)
        similarity = np.array(vectors, np.float32)[ids] @ query.vector
        if query.lexical_only and match.share.any():
            similarity = similarity * np.float32(0.1)
        scores = fuse(contributions(similarity, match, float(similarity.max()), len(terms.weights)))
        ranked = sorted(zip(scores.tolist(), ids.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1]))
        return [Found(*places[i], score) for score, i in ranked]

    def best_similarity(self, vector: Vector, allowed: Filter | None) -> float:
        selected = [stored for stored in self.documents.values() if allowed is None or matches(allowed, stored)]
        return max((float((stored.vectors @ vector).max()) for stored in selected), default=0.0)


def matches(filter_: Filter, stored: Stored) -> bool:
    if isinstance(filter_, Combination):
        results = [matches(part, stored) for part in filter_.filters]
        return all(results) if filter_.operator == "and" else any(results)
    wanted = filter_.value if isinstance(filter_.value, tuple) else (filter_.value,)
    found = values_of(stored, filter_.key)
    match filter_.operator:
        case "eq" | "in":
            return any(value in wanted for value in found)
        case "ne" | "nin":
            return not any(value in wanted for value in found)
        case "gt":
            return any(value > wanted[0] for value in found if alike(value, wanted[0]))
        case "gte":
            return any(value >= wanted[0] for value in found if alike(value, wanted[0]))
        case "lt":
            return any(value < wanted[0] for value in found if alike(value, wanted[0]))
        case "lte":
            return any(value <= wanted[0] for value in found if alike(value, wanted[0]))


def alike(one: Scalar, other: Scalar) -> bool:
    return isinstance(one, str) == isinstance(other, str)


def values_of(stored: Stored, key: str) -> list[Scalar]:
    """The values under a field or metadata key; a list counts by its elements."""
    if key == "year":
        return [stored.document.date[:4]] if stored.document.date else []
    if key in FIELDS:
        value = stored.source if key == "source" else getattr(stored.document, key)
        return [] if value is None else [value]
    value = stored.document.metadata.get(key)
    return [] if value is None else list(value) if isinstance(value, list) else [value]
