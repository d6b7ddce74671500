"""Inverse document frequency over the corpus mixed with general language. Pure.

The mixture gives a word about the same weight in 12 passages and in a million: in a few passages, common words look rare by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from index.text.analysis import stems

GENERAL_PASSAGES = 300  # weight of general language in the mixture
COMMONEST_SHARE = 0.3
RARE_SHARE = 0.0005  # of words outside the vocabulary
# In a vocabulary sorted by frequency: COMMONEST_SHARE up to COMMON_RANK, then falling as 1 / rank.
COMMON_RANK, FALL_FROM, FALL = 1200, 1000, 60


def general_shares(ranks: Mapping[str, int]) -> dict[str, float]:
    """Stem -> share of general passages that contain it, estimated from a vocabulary's words and frequency ranks."""
    words = list(ranks)
    best: dict[str, int] = {}
    for word, stem in zip(words, stems(words), strict=True):
        best[stem] = min(best.get(stem, ranks[word]), ranks[word])
    return {stem: _share(rank) for stem, rank in best.items()}


def smooth_idf(frequency: int, passages: int, general_share: float) -> float:
    """`ln(1 + (N - df + .5) / (df + .5))` over the corpus and GENERAL_PASSAGES of general language.

    Robertson's idf in Lucene's form, which is never negative. `frequency` is capped at `passages`: it may include removed passages.
    """
    frequency = min(frequency, passages)
    total, with_word = passages + GENERAL_PASSAGES, frequency + GENERAL_PASSAGES * general_share
    return math.log1p((total - with_word + 0.5) / (with_word + 0.5))


def _share(rank: int) -> float:
    return COMMONEST_SHARE if rank <= COMMON_RANK else min(COMMONEST_SHARE, FALL / (rank - FALL_FROM))
