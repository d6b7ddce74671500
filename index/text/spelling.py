"""Spelling correction of questions with the words of the corpus.

A word is corrected only if it is surely misspelt: alphabetic, of at least seven letters, not in the corpus, no whole word of the embedding
model's vocabulary (otherwise "sang" would become "song"), not English, and one error away from a word that is in the corpus; a word with
a capital only if it is longer and that word common. Another unknown word stays, and the word of the corpus that may be meant is searched
as well. Candidates come from deletions in the first letters, hashed into two sorted arrays (symmetric deletion as in Garbe's SymSpell),
and are ranked by Damerau-Levenshtein distance.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.text.analysis import fold
from index.text.english import is_english, is_listed

FILE_NAMES = ("spelling-words.txt", "spelling-counts.npy", "spelling-keys.npy", "spelling-places.npy")
# Of a word that has an alternative. Unknown words that are so short are mostly abbreviations or names, unless a letter is missing or
# two are swapped.
MIN_LETTERS = 4
MIN_CORRECTED_LETTERS, MIN_CORRECTED_NAME = 7, 8  # with six, "jihadi" became "jihad"; with seven, "Jupyter" became "Jupiter"
MIN_CANDIDATE_LETTERS = 3
HEAD = 7  # leading letters that are hashed
TWO_ERRORS_FROM = 6  # letters; shorter words may differ by one error
MIN_COUNT, SMALL_CORPUS = 2, 200  # in a larger corpus, a word of a single passage may itself be misspelt
MIN_SPLIT_LETTERS, MIN_PART_LETTERS = 8, 4
# Passages with a correction that is no English word: of another word, in a small corpus this share of the passages with its commonest
# word, and of a name.
MIN_TERM_COUNT, COMMON_SHARE, MIN_NAME_COUNT = 5, 0.02, 20
ENDING = 2  # letters; a word that differs from another only there is mostly an inflection of it
MIN_DICE, MAX_LENGTH_DIFFERENCE, MAX_COMPARED = 0.6, 4, 2000

_WORD = re.compile(r"\w\w+")
_PRIME = 1_000_003
_MASK = (1 << 64) - 1


def _patterns(letters: int, errors: int) -> list[tuple[int, ...]]:
    """The positions that remain when up to `errors` of `letters` letters are deleted."""
    return [kept for left in range(min(errors, letters - 1) + 1) for kept in combinations(range(letters), letters - left)]


_PATTERNS = {(letters, errors): _patterns(letters, errors) for letters in range(1, HEAD + 1) for errors in (1, 2)}


@dataclass(frozen=True, slots=True)
class Spelling:
    """`corrected`: a text with the misspelt words corrected. `alternatives`: what may be meant by each word that may be misspelt or not, in
    lower case; `guess`: the corrected text with these instead.
    """

    corrected: str
    guess: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Near:
    """A word of the corpus near another, and the number of passages that contain it."""

    errors: int
    other_first: bool
    count: int
    word: str


class Speller:
    """The words of a corpus, each with the number of passages that contain it."""

    def __init__(
        self, words: Sequence[str], counts: NDArray[np.int64], keys: NDArray[np.uint64], places: NDArray[np.int32]
    ) -> None:
        """`words` sorted; `keys`: sorted hashes of deletions; `places`: the word of each key. Use `of` or `load`."""
        self._words, self._counts, self._keys, self._places = words, counts, keys, places
        self._min_term_count = min(MIN_TERM_COUNT, COMMON_SHARE * int(counts.max(initial=0)))

    @classmethod
    def of(cls, counts: Mapping[str, int], passages: int) -> Speller:
        """`counts`: word (lower case, without accents) -> number of the `passages` that contain it."""
        least = MIN_COUNT if passages >= SMALL_CORPUS else 1
        words = sorted(w for w, count in counts.items() if count >= least and len(w) >= MIN_CANDIDATE_LETTERS and w.isalpha())
        letters = (
            np.array([word[:HEAD] for word in words], f"<U{HEAD}").view(np.uint32).reshape(len(words), HEAD).astype(np.uint64)
        )
        sizes = np.minimum(np.array([len(word) for word in words], np.int64), HEAD)
        keys, places = [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
        for size in range(MIN_CANDIDATE_LETTERS, HEAD + 1):
            of_size = np.flatnonzero(sizes == size)
            for kept in _PATTERNS[size, 1 if size < 5 else 2]:
                hashed = np.zeros(len(of_size), np.uint64)
                for place in kept:
                    hashed = hashed * np.uint64(_PRIME) + letters[of_size, place]
                keys.append(hashed)
                places.append(of_size.astype(np.int32))
        all_keys = np.concatenate(keys)
        order = np.argsort(all_keys, kind="stable")
        return cls(words, np.array([counts[word] for word in words], np.int64), all_keys[order], np.concatenate(places)[order])

    def save(self, folder: Path) -> None:
        words, counts, keys, places = (folder / name for name in FILE_NAMES)
        words.write_text("\n".join(self._words), "utf-8")
        np.save(counts, self._counts)
        np.save(keys, self._keys)
        np.save(places, self._places)

    @classmethod
    def load(cls, folder: Path) -> Speller:
        words, counts, keys, places = (folder / name for name in FILE_NAMES)
        return cls(
            words.read_text("utf-8").split("\n"), np.load(counts), np.load(keys, mmap_mode="r"), np.load(places, mmap_mode="r")
        )

    def correct_text(
        self,
        text: str,
        known: Callable[[str], bool],
        protected_words: Collection[str],
        shown: Callable[[str], bool] = lambda word: True,
    ) -> Spelling:
        """Correct each unknown word, or find an alternative; capitals are kept.

        `known`: whether the corpus contains a word. `protected_words` are never corrected. `shown`: whether a word of the corpus may be
        a correction.
        """
        corrections: dict[str, str] = {}  # as written -> as corrected
        guesses: dict[str, str] = {}
        alternatives: list[str] = []
        for match in _WORD.finditer(text):
            written = match[0]
            word = fold(written.lower())
            if len(word) < MIN_LETTERS or not word.isalpha() or word in protected_words or known(word) or is_english(word):
                continue
            near = self._near(word)
            if correction := self._correction(word, near, shown, _is_name(match)):
                corrections[written] = _as_written(correction, written)
            elif alternative := self._alternative(word, _plausible(word, near, _is_name(match)), shown):
                alternatives.append(alternative)
                guesses[written] = _as_written(alternative, written)
        return Spelling(_replace(text, corrections), _replace(text, guesses | corrections), tuple(alternatives))

    def _correction(self, word: str, near: Sequence[_Near], shown: Callable[[str], bool], is_name: bool) -> str | None:
        """The word that was surely meant."""
        if len(word) < (MIN_CORRECTED_NAME if is_name else MIN_CORRECTED_LETTERS):
            return None
        sure = (each.word for each in near if each.errors == 1 and self._is_sure(word, each, is_name))
        return next(filter(shown, sure), None)

    def _is_sure(self, word: str, near: _Near, is_name: bool) -> bool:
        """A word with a capital may be another name, and an unknown word another form of a term or a word of another language, of which no
        list is known.
        """
        is_form = word[-ENDING:] != near.word[-ENDING:]
        if is_name:
            least = MIN_TERM_COUNT if is_listed(near.word) else MIN_NAME_COUNT
            return not is_form and word[0] == near.word[0] and near.count >= least
        return is_listed(near.word) or (near.count >= self._min_term_count and not is_form)

    def _alternative(self, word: str, near: Sequence[_Near], shown: Callable[[str], bool]) -> str | None:
        """The nearest word; else two words that were run together; else the word that shares most letter pairs."""
        nearest = next(filter(shown, (each.word for each in near)), None)
        if nearest is not None or len(word) < MIN_SPLIT_LETTERS:
            return nearest
        return self._split(word, shown) or self._most_similar(word, shown)

    def _near(self, word: str) -> list[_Near]:
        """Words one or two errors away, nearest first."""
        limit = 1 if len(word) < TWO_ERRORS_FROM else 2
        head = [ord(letter) for letter in word[:HEAD]]
        hashes = set()
        for kept in _PATTERNS[len(head), limit]:
            hashed = 0
            for place in kept:
                hashed = (hashed * _PRIME + head[place]) & _MASK
            hashes.add(hashed)
        sought = np.array(sorted(hashes), np.uint64)
        ranges = zip(np.searchsorted(self._keys, sought), np.searchsorted(self._keys, sought, "right"), strict=True)
        near = []
        for place in {int(place) for low, high in ranges for place in self._places[low:high]}:
            candidate = self._words[place]
            errors = damerau_levenshtein(word, candidate, limit)
            other_first = candidate[0] != word[0]
            if errors > limit or (other_first and (errors > 1 or len(word) < TWO_ERRORS_FROM)):
                continue  # first letters are rarely mistyped: "bake" is not "make"
            near.append(_Near(errors, other_first, int(self._counts[place]), candidate))
        return sorted(near, key=lambda each: (each.errors, each.other_first, -each.count, each.word))

    def _split(self, word: str, shown: Callable[[str], bool]) -> str | None:
        """ "studentfinance" -> "student finance": two English words, the rarer one as common as possible."""
        cuts = range(MIN_PART_LETTERS, len(word) - MIN_PART_LETTERS + 1)
        splits = [(word[:cut], word[cut:]) for cut in cuts if is_listed(word[:cut]) and is_listed(word[cut:])]
        counted = sorted(((min(self._count(one), self._count(other)), (one, other)) for one, other in splits), reverse=True)
        common = (pair for count, pair in counted if count > 0 and count >= self._min_term_count)
        return next((" ".join(pair) for pair in common if all(map(shown, pair))), None)

    def _most_similar(self, word: str, shown: Callable[[str], bool]) -> str | None:
        """For long words with many errors: the best Dice coefficient of letter pairs among words with the same first two letters."""
        low, high = bisect_left(self._words, word[:2]), bisect_left(self._words, word[:2] + "\uffff")
        similar: list[tuple[float, str]] = []
        for place in range(low, min(high, low + MAX_COMPARED)):
            candidate = self._words[place]
            if abs(len(candidate) - len(word)) > MAX_LENGTH_DIFFERENCE or len(candidate) < TWO_ERRORS_FROM:
                continue
            similarity = _dice(word, candidate)
            if similarity >= MIN_DICE:
                similar.append((similarity + 0.02 * float(np.log(self._counts[place])), candidate))
        return next((candidate for _, candidate in sorted(similar, reverse=True) if shown(candidate)), None)

    def _count(self, word: str) -> int:
        place = bisect_left(self._words, word)
        return int(self._counts[place]) if place < len(self._words) and self._words[place] == word else 0


def _plausible(word: str, near: Sequence[_Near], is_name: bool) -> Sequence[_Near]:
    """The words that may be meant: for one of MIN_LETTERS, those with a letter more or two letters swapped."""
    if len(word) > MIN_LETTERS:
        return near
    return [] if is_name else [each for each in near if len(each.word) > len(word) or sorted(each.word) == sorted(word)]


def _replace(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda match: words.get(match[0], match[0]), text)


def _as_written(word: str, written: str) -> str:
    """With the capitals of the word that was written."""
    if written.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if written[0].isupper() else word


def _is_name(match: re.Match[str]) -> bool:
    """Whether a word is written as a name is: with a capital, alone or after the first word, unless all words are in capitals."""
    text, word = match.string, match[0]
    is_first = not _WORD.search(text[: match.start()])
    is_alone = is_first and not _WORD.search(text[match.end() :])
    return word != word.lower() and (is_alone or not (is_first or text.isupper()))


def damerau_levenshtein(one: str, other: str, limit: int) -> int:
    """Number of insertions, deletions, substitutions and transpositions between two words, capped at `limit + 1`."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    two_back: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, other_letter in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other_letter))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == other_letter:
                cost = min(cost, two_back[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        two_back, last = last, row
    return last[-1]


def _dice(one: str, other: str) -> float:
    pairs_of_one = {one[i : i + 2] for i in range(len(one) - 1)}
    pairs_of_other = {other[i : i + 2] for i in range(len(other) - 1)}
    return 2 * len(pairs_of_one & pairs_of_other) / (len(pairs_of_one) + len(pairs_of_other))
