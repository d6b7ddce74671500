"""The words of an embedding model's vocabulary, and which of them are of like meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.text.analysis import stems
from index.types import Matrix

# Of each word: how many of like meaning are kept, and what cosine makes them so. By chance cosines spread by 1 / sqrt(dimension).
MOST_RELATED = 5
LEAST_COSINE, LEAST_SPREADS = 0.3, 4.0
LEAST_LETTERS = 3
MOST_WORDS = 40_000  # the commonest; every pair of them is compared
_AT_ONCE = 1000
_LOOKED_AT = 40  # of the nearest words most are other forms of the word itself


@dataclass(frozen=True, slots=True)
class RelatedWords:
    """Row r is of word `words[r]`: its nearest words as `places` in `words` (n, k), -1 for none, and their `cosines` (n, k)."""

    words: Sequence[str]
    places: NDArray[np.int32]
    cosines: NDArray[np.float32]
    rows: Mapping[str, int]

    @classmethod
    def of(cls, words: Mapping[str, int], vectors: Matrix) -> RelatedWords:
        """`words` with their ranks; `vectors` (V, d): the model's own vector of each rank, before it has read any context.

        Other forms of a word (the same stem) are not among its related words.
        """
        chosen = [word for word, rank in words.items() if len(word) >= LEAST_LETTERS and rank < len(vectors)][-MOST_WORDS:]
        return cls._made(chosen, *_nearest(chosen, vectors[[words[word] for word in chosen]]))

    @classmethod
    def none(cls) -> RelatedWords:
        """For a model that has no vectors of words."""
        return cls._made([], np.empty((0, MOST_RELATED), np.int32), np.empty((0, MOST_RELATED), np.float32))

    @classmethod
    def load(cls, path: Path) -> RelatedWords:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls._made(arrays["words"].tolist(), arrays["places"], arrays["cosines"])

    @classmethod
    def _made(cls, words: Sequence[str], places: NDArray[np.int32], cosines: NDArray[np.float32]) -> RelatedWords:
        return cls(words, places, cosines, {word: row for row, word in enumerate(words)})

    def save(self, path: Path) -> None:
        np.savez(path, words=np.array(self.words, np.str_), places=self.places, cosines=self.cosines)

    def __call__(self, word: str) -> list[tuple[str, float]]:
        """The words of like meaning with their cosines, nearest first; none for a word that is not in the vocabulary."""
        row = self.rows.get(word)
        if row is None:
            return []
        pairs = zip(self.places[row].tolist(), self.cosines[row].tolist(), strict=True)
        return [(self.words[place], cosine) for place, cosine in pairs if place >= 0]


def whole_words(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Those tokens that are words, in lower case: WordPiece marks what continues a word, SentencePiece and BPE what begins one."""
    marks = tuple("▁Ġ")
    begun = any(token.startswith(marks) for token in vocabulary)
    words: dict[str, int] = {}
    for token, rank in sorted(vocabulary.items(), key=lambda item: -item[1]):
        word = token[1:] if begun and token.startswith(marks) else "" if begun else token
        if len(word) > 1 and word.isalpha():
            words[word.lower()] = rank
    return words


def _nearest(words: Sequence[str], vectors: Matrix) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Places and cosines of each word's nearest. The mean is taken off first: what all words share says nothing of them."""
    places = np.full((len(words), MOST_RELATED), -1, np.int32)
    cosines = np.zeros((len(words), MOST_RELATED), np.float32)
    if not words:
        return places, cosines
    centred = vectors - vectors.mean(0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.float32(1e-9))
    least = max(LEAST_COSINE, LEAST_SPREADS / vectors.shape[1] ** 0.5)
    stem_of = np.unique(stems(list(words)), return_inverse=True)[1]
    looked_at = min(_LOOKED_AT, len(words))
    for first in range(0, len(words), _AT_ONCE):
        found = unit[first : first + _AT_ONCE] @ unit.T
        nearest = np.argpartition(-found, looked_at - 1, axis=1)[:, :looked_at]
        for row, candidates in enumerate(nearest, first):
            alike = found[row - first, candidates]
            other = (stem_of[candidates] != stem_of[row]) & (alike >= least)
            best = candidates[other][np.argsort(-alike[other], kind="stable")][:MOST_RELATED]
            places[row, : len(best)], cosines[row, : len(best)] = best, found[row - first, best]
    return places, cosines
