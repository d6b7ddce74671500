"""Features of a candidate -> one score. Pure.

Cosine and BM25 share are absolute strengths, so weak lexical evidence counts little, and words count more when nothing in the corpus
is close in meaning. Adjacency, proximity, title and the rest of the document are added. docs/decisions/0002-ranking.md has the
figures of each part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from index.types import Ids, LexicalMatch, Scores

LEXICAL = 1.25
MIN_LEXICAL = 0.05  # of `1 - best cosine` under the square root
ADJACENT = 0.10
PROXIMITY = 0.20  # for a long question
TITLE, TITLE_IF_LONG = 0.50, 0.35
DOCUMENT = 0.10
DOCUMENT_PASSAGES = 5


def contributions(similarity: Scores, match: LexicalMatch, best_similarity: float, terms: int) -> dict[str, Scores]:
    """What each feature adds to the score of each candidate, (n,) each.

    `similarity` (n,): cosines, in the order of `match`. `best_similarity`: the best cosine over the corpus. `terms`: number of the
    question's terms.
    """
    length = _length_factor(terms)
    return {
        "similarity": similarity,
        "words": np.float32(_lexical_weight(best_similarity)) * match.share,
        "adjacent": np.float32(ADJACENT) * match.adjacent,
        "proximity": np.float32(PROXIMITY * length) * match.proximity,
        "title": np.float32(_title_weight(length)) * match.title,
        "document": np.float32(DOCUMENT) * _document_means(match.documents, similarity + match.share),
    }


def fuse(parts: Mapping[str, Scores]) -> Scores:
    """The sum of the contributions, (n,), higher is better."""
    fused: Scores = np.sum(list(parts.values()), axis=0)
    return fused


def best_possible(best_similarity: float, terms: int) -> float:
    """Upper bound of the fused score, without expansions: every feature at its maximum."""
    length = _length_factor(terms)
    return 1 + _lexical_weight(best_similarity) + ADJACENT + PROXIMITY * length + _title_weight(length) + DOCUMENT * 2


def _lexical_weight(best_similarity: float) -> float:
    """`1.25 * sqrt(clip(1 - d1, .05, 1))`."""
    return LEXICAL * math.sqrt(min(max(1.0 - best_similarity, MIN_LEXICAL), 1.0))


def _length_factor(terms: int) -> float:
    """0 for a question of up to two terms, 1 from five on."""
    return min(max((terms - 2) / 3, 0.0), 1.0)


def _title_weight(length: float) -> float:
    return TITLE + (TITLE_IF_LONG - TITLE) * length


def _document_means(documents: Ids, scores: Scores) -> Scores:
    """For each candidate the mean of its document's DOCUMENT_PASSAGES best scores, missing ones counted as 0."""
    if not len(scores):
        return scores
    _, owner = np.unique(documents, return_inverse=True)
    order = np.lexsort((-scores, owner))
    sorted_owner = owner[order]
    starts = np.concatenate([[True], sorted_owner[1:] != sorted_owner[:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    counted = order[np.arange(len(order)) - first < DOCUMENT_PASSAGES]
    means: Scores = (np.bincount(owner[counted], scores[counted]) / DOCUMENT_PASSAGES)[owner].astype(np.float32)
    return means
