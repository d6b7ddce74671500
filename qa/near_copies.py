"""Passages that say the same, word for word or nearly: shown once in a list of results. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from index.analysis import words

# Share of their distinct words that two passages must have in common (Jaccard).
LEAST_COMMON = 0.9
# "1,200", "2.5", "10:30", "2024/25", "a4".
_NUMBER = re.compile(r"\w*\d(?:[\w.,:/-]*\w)?")


def near_copies(one: str, other: str) -> bool:
    """Whether two passages differ in a few words only, and in no number: a rate or a year makes another statement."""
    if one == other:
        return True
    longest = max(len(one), len(other))
    if min(len(one), len(other)) < LEAST_COMMON * LEAST_COMMON * longest:
        return False
    (words_of_one, numbers_of_one), (words_of_other, numbers_of_other) = _distinct(one), _distinct(other)
    if numbers_of_one != numbers_of_other:
        return False
    return len(words_of_one & words_of_other) >= LEAST_COMMON * len(words_of_one | words_of_other)


@lru_cache(maxsize=4096)
def _distinct(text: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The words in any order, and the numbers in theirs: who pays 5 and who pays 7 is part of the statement."""
    return frozenset(words(text)), tuple(_NUMBER.findall(text.casefold()))
