"""Detects near-duplicate passages, of which the newest is shown, once in a list of results. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from index.text.analysis import words
from index.types import StoredDocument

# Jaccard similarity of the distinct words of two near-duplicates.
MIN_SIMILARITY = 0.9
CACHED_PASSAGES = 512  # as words, about 10 kB each
_DIGIT = re.compile(r"\d")
# A word with a digit: "1,200", "2.5", "10:30", "2024/25", "a4".
_NUMBER = re.compile(r"\w*\d(?:[\w.,:/-]*\w)?")


def are_near_duplicates(one: str, other: str) -> bool:
    """Whether two passages differ in a few words only, and in no number: another rate or year is another statement."""
    if one == other:
        return True
    longest = max(len(one), len(other))
    if min(len(one), len(other)) < MIN_SIMILARITY * MIN_SIMILARITY * longest:
        return False
    if _numbers(one) != _numbers(other):
        return False
    words_of_one, words_of_other = _distinct_words(one), _distinct_words(other)
    return len(words_of_one & words_of_other) >= MIN_SIMILARITY * len(words_of_one | words_of_other)


def is_newer(one: StoredDocument, other: StoredDocument) -> bool:
    """By the documents' own dates if both have one, else by when they were last changed here."""
    if one.date and other.date and one.date[:10] != other.date[:10]:
        return one.date[:10] > other.date[:10]
    return one.number != other.number and one.changed > other.changed


@lru_cache(maxsize=CACHED_PASSAGES)
def _numbers(text: str) -> tuple[str, ...]:
    """The numbers in their order, which is part of the statement: who pays 5 and who pays 7."""
    pieces = [piece for piece in text.casefold().split() if _DIGIT.search(piece)]
    return tuple(number for piece in pieces for number in _NUMBER.findall(piece))


@lru_cache(maxsize=CACHED_PASSAGES)
def _distinct_words(text: str) -> frozenset[str]:
    return frozenset(words(text))
