"""Two legs, the words' places, titles and pages -> one score. Pure.

Both legs are absolute strengths: d is a cosine, s the share of the question's best possible BM25. So weak lexical evidence
counts little, and where nothing in the corpus is close in meaning, words count more. How the terms stand (adjacent, together, in
the title) and how the rest of the document does are added on top. docs/decisions/0002-ranking.md has the figures of each part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from index.types import Ids, LexicalMatch, Scores

LEXICAL = 1.25
LEAST_DOUBT = 0.05
ADJACENT = 0.10
TOGETHER = 0.20  # for a long question
TITLE, TITLE_IF_LONG = 0.50, 0.35
DOCUMENT = 0.10
DOCUMENT_PASSAGES = 5


def contributions(similarity: Scores, match: LexicalMatch, best_similarity: float, terms: int) -> dict[str, Scores]:
    """What each part adds to the score of each candidate; `similarity` (n,) and the parts of `match` in the same order.

    `best_similarity` is the best cosine over the corpus, `terms` the number of the question's terms.
    """
    long = _long(terms)
    return {
        "similarity": similarity,
        "words": np.float32(_lexical_weight(best_similarity)) * match.share,
        "adjacent": np.float32(ADJACENT) * match.adjacent,
        "together": np.float32(TOGETHER * long) * match.together,
        "title": np.float32(_title_weight(long)) * match.title,
        "document": np.float32(DOCUMENT) * _documents_means(match.documents, similarity + match.share),
    }


def fuse(parts: Mapping[str, Scores]) -> Scores:
    """One score a candidate, higher is better: the sum of what `contributions` gave."""
    fused: Scores = np.sum(list(parts.values()), axis=0)
    return fused


def best_possible(best_similarity: float, terms: int) -> float:
    """What no score of this question exceeds (but for words that the corpus says instead): every part at its best."""
    long = _long(terms)
    return 1 + _lexical_weight(best_similarity) + ADJACENT + TOGETHER * long + _title_weight(long) + DOCUMENT * 2


def _lexical_weight(best_similarity: float) -> float:
    """`1.25 * sqrt(clip(1 - d1, .05, 1))`."""
    return LEXICAL * math.sqrt(min(max(1.0 - best_similarity, LEAST_DOUBT), 1.0))


def _long(terms: int) -> float:
    """0 for a question of up to two terms, 1 from five on."""
    return min(max((terms - 2) / 3, 0.0), 1.0)


def _title_weight(long: float) -> float:
    return TITLE + (TITLE_IF_LONG - TITLE) * long


def _documents_means(documents: Ids, scores: Scores) -> Scores:
    """For each candidate the mean of its document's best DOCUMENT_PASSAGES scores, those that are missing counted as 0."""
    if not len(scores):
        return scores
    _, owner = np.unique(documents, return_inverse=True)
    order = np.lexsort((-scores, owner))
    sorted_owner = owner[order]
    begins = np.concatenate([[True], sorted_owner[1:] != sorted_owner[:-1]])
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    counted = order[np.arange(len(order)) - first < DOCUMENT_PASSAGES]
    means: Scores = (np.bincount(owner[counted], scores[counted]) / DOCUMENT_PASSAGES)[owner].astype(np.float32)
    return means
