"""How telling a word is. Pure.

The idf is that of the corpus mixed with general language, so that a word weighs about the same in 12 passages and in a million: in
a few passages chance alone makes common words look rare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from index.text.analysis import stems

# General language stands beside the corpus with the weight of so many passages.
GENERAL_PASSAGES = 300
COMMONEST_SHARE = 0.3
RARE_SHARE = 0.0005
# A vocabulary in order of frequency: up to this rank words are the commonest, from there their share falls as 1 / rank.
COMMON_RANK, FALL_FROM, FALL = 1200, 1000, 60


def general_shares(ranks: Mapping[str, int]) -> dict[str, float]:
    """Stem -> the share of general passages that hold it, from a vocabulary's words and their ranks by frequency."""
    words = list(ranks)
    best: dict[str, int] = {}
    for word, stem in zip(words, stems(words), strict=True):
        best[stem] = min(best.get(stem, ranks[word]), ranks[word])
    return {stem: _share(rank) for stem, rank in best.items()}


def smooth_idf(frequency: int, passages: int, general_share: float) -> float:
    """`ln(1 + (N - df + .5) / (df + .5))` over the corpus and GENERAL_PASSAGES of general language together.

    Robertson's idf in Lucene's form, which is never negative. `frequency` may exceed `passages` by those removed since the index was
    built; it is taken as equal then.
    """
    frequency = min(frequency, passages)
    together, held = passages + GENERAL_PASSAGES, frequency + GENERAL_PASSAGES * general_share
    return math.log1p((together - held + 0.5) / (held + 0.5))


def _share(rank: int) -> float:
    return COMMONEST_SHARE if rank <= COMMON_RANK else min(COMMONEST_SHARE, FALL / (rank - FALL_FROM))
