"""The words of an embedding model's vocabulary, and the words related to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.text.analysis import stems
from index.types import Matrix

MAX_RELATED = 5  # per word
# Cosines of unrelated words have a standard deviation of 1 / sqrt(dimension): require MIN_DEVIATIONS of them, and MIN_COSINE.
MIN_COSINE, MIN_DEVIATIONS = 0.3, 4.0
MIN_LETTERS = 3
MAX_WORDS = 40_000  # the commonest; every pair of them is compared
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RelatedWords:
    """For `words[r]` the related words as `places[r]` in `words` (n, k), -1 for none, and their `cosines[r]` (n, k)."""

    words: Sequence[str]
    places: NDArray[np.int32]
    cosines: NDArray[np.float32]
    rows: Mapping[str, int]

    @classmethod
    def of(cls, words: Mapping[str, int], vectors: Matrix) -> RelatedWords:
        """`words`: word -> rank; `vectors` (V, d): the model's input embedding of each rank. Words with the same stem are not related."""
        chosen = [word for word, rank in words.items() if len(word) >= MIN_LETTERS and rank < len(vectors)][-MAX_WORDS:]
        return cls._create(chosen, *_nearest(chosen, vectors[[words[word] for word in chosen]]))

    @classmethod
    def none(cls) -> RelatedWords:
        """For models without input embeddings."""
        return cls._create([], np.empty((0, MAX_RELATED), np.int32), np.empty((0, MAX_RELATED), np.float32))

    @classmethod
    def load(cls, path: Path) -> RelatedWords:
        with np.load(path) as arrays:
            return cls._create(arrays["words"].tolist(), arrays["places"], arrays["cosines"])

    @classmethod
    def _create(cls, words: Sequence[str], places: NDArray[np.int32], cosines: NDArray[np.float32]) -> RelatedWords:
        return cls(words, places, cosines, {word: row for row, word in enumerate(words)})

    def save(self, path: Path) -> None:
        np.savez(path, words=np.array(self.words, np.str_), places=self.places, cosines=self.cosines)

    def __call__(self, word: str) -> list[tuple[str, float]]:
        """Related words with their cosines, nearest first; empty for a word outside the vocabulary."""
        row = self.rows.get(word)
        if row is None:
            return []
        pairs = zip(self.places[row].tolist(), self.cosines[row].tolist(), strict=True)
        return [(self.words[place], cosine) for place, cosine in pairs if place >= 0]


def whole_words(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Whole words in lower case with their ranks: WordPiece marks continuations, SentencePiece and BPE mark beginnings."""
    marks = tuple("▁Ġ")
    marks_beginnings = any(token.startswith(marks) for token in vocabulary)
    words: dict[str, int] = {}
    for token in sorted(vocabulary, key=vocabulary.__getitem__, reverse=True):
        word = token if not marks_beginnings else token[1:] if token.startswith(marks) else ""
        if len(word) > 1 and word.isalpha():
            words[word.lower()] = vocabulary[token]
    return words


def _nearest(words: Sequence[str], vectors: Matrix) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Places and cosines of each word's related words, from mean-centred vectors."""
    places = np.full((len(words), MAX_RELATED), -1, np.int32)
    cosines = np.zeros((len(words), MAX_RELATED), np.float32)
    if not words:
        return places, cosines
    centred = vectors - vectors.mean(0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.float32(1e-9))
    stem_of = np.unique(stems(list(words)), return_inverse=True)[1]
    one, other, found = _pairs_above(max(MIN_COSINE, MIN_DEVIATIONS / vectors.shape[1] ** 0.5), unit)
    different = stem_of[one] != stem_of[other]
    one, other, found = one[different], other[different], found[different]
    one, other, found = np.concatenate([one, other]), np.concatenate([other, one]), np.tile(found, 2)
    order = np.lexsort((-found, one))
    one, other, found = one[order], other[order], found[order]
    rank = np.arange(len(one)) - np.searchsorted(one, one)
    nearest = rank < MAX_RELATED
    row, column = one[nearest], rank[nearest]
    places[row, column], cosines[row, column] = other[nearest], found[nearest]
    return places, cosines


def _pairs_above(threshold: float, unit: Matrix) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Rows i < j of `unit` whose cosine is at least the threshold, and the cosine; each pair is compared once."""
    pairs = []
    for first in range(0, len(unit), _ROWS_AT_ONCE):
        found = unit[first : first + _ROWS_AT_ONCE] @ unit[first:].T
        row, column = np.divmod(np.flatnonzero(found >= threshold), found.shape[1])
        later = column > row
        row, column = row[later], column[later]
        pairs.append((row + first, column + first, found[row, column]))
    one, other, cosines = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return one, other, cosines
