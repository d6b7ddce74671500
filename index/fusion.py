"""Two legs -> one score. Pure.

Both legs are absolute strengths: d is a cosine, s the share of the question's best possible BM25. So weak lexical evidence
counts little, and where nothing in the corpus is close in meaning, words count more.
"""

from __future__ import annotations

import math

import numpy as np

from index.types import Scores

# Chosen on squad2, or_sharc, cranfield, scifact (train) and half of govuk; flat around the optimum.
LEXICAL_WEIGHT = 1.5
LEAST_DOUBT = 0.05


def lexical_weight(best_similarity: float) -> float:
    """How much the lexical leg counts, given the best cosine over the corpus: `1.5 * sqrt(clip(1 - d1, .05, 1))`."""
    return LEXICAL_WEIGHT * math.sqrt(min(max(1.0 - best_similarity, LEAST_DOUBT), 1.0))


def fuse(similarity: Scores, lexical: Scores, best_similarity: float) -> Scores:
    """`d + lexical_weight(d1) * s` for each candidate; both legs (n,), NaN counted as nothing."""
    fused: Scores = np.nan_to_num(similarity) + np.float32(lexical_weight(best_similarity)) * np.nan_to_num(lexical)
    return fused
