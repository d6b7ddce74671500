"""Passages that say the same, word for word or nearly: shown once in a list of results. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from index.text.analysis import words

# Share of their distinct words that two passages must have in common (Jaccard).
LEAST_COMMON = 0.9
PASSAGES_KEPT = 1024  # as words, some 10 kB each
_DIGIT = re.compile(r"\d")
# Without white space: "1,200", "2.5", "10:30", "2024/25", "a4".
_NUMBER = re.compile(r"\w*\d(?:[\w.,:/-]*\w)?")


def near_copies(one: str, other: str) -> bool:
    """Whether two passages differ in a few words only, and in no number: a rate or a year makes another statement."""
    if one == other:
        return True
    longest = max(len(one), len(other))
    if min(len(one), len(other)) < LEAST_COMMON * LEAST_COMMON * longest:
        return False
    if _numbers(one) != _numbers(other):
        return False
    words_of_one, words_of_other = _distinct_words(one), _distinct_words(other)
    return len(words_of_one & words_of_other) >= LEAST_COMMON * len(words_of_one | words_of_other)


@lru_cache(maxsize=PASSAGES_KEPT)
def _numbers(text: str) -> tuple[str, ...]:
    """In their order: who pays 5 and who pays 7 is part of the statement."""
    pieces = [piece for piece in text.casefold().split() if _DIGIT.search(piece)]
    return tuple(number for piece in pieces for number in _NUMBER.findall(piece))


@lru_cache(maxsize=PASSAGES_KEPT)
def _distinct_words(text: str) -> frozenset[str]:
    return frozenset(words(text))
