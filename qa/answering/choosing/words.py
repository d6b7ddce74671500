"""The words of a text, analysed once and cached. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.text.analysis import fold, is_unspaced, stems, terms
from index.text.notations import normalize_notation

CACHED_TEXTS = 8192  # about 2 kB each

_TOKEN = re.compile(r"\w+|[£$€%]")


@dataclass(frozen=True, slots=True)
class AnalysedText:
    """The stems of a text in their order, as a set, and sorted."""

    in_order: Sequence[str]
    stems: frozenset[str]
    ordered: Sequence[str]

    def has_prefix(self, prefix: str) -> bool:
        """Whether a stem begins with it."""
        place = bisect_left(self.ordered, prefix)
        return place < len(self.ordered) and self.ordered[place].startswith(prefix)


def tokens(text: str) -> list[str]:
    """Its words and signs of currency and percent, in lower case."""
    return [token.lower() for token in _TOKEN.findall(normalize_notation(text))]


@lru_cache(maxsize=CACHED_TEXTS)
def analyse(text: str) -> AnalysedText:
    """Cached, because analysing a text takes longer than scoring it."""
    if is_unspaced(text):
        found: Sequence[str] = terms(text)
    else:
        lower = tokens(text)
        found = stems(lower if text.isascii() else [fold(token) for token in lower])
    here = frozenset(found)
    return AnalysedText(found, here, sorted(here))
