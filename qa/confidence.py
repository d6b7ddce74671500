"""How likely it is that the documents answer the question. Pure.

A logistic model over four facts of a search. Similarity tells the topic, not whether a statement follows: a question on the
right topic that the text does not settle is only partly told apart (docs/decisions/0002-ranking.md has the figures).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from index.analysis import stems, words

INTERCEPT = -2.90
BEST_SIMILARITY = 6.59
COVERAGE = 0.86
GAP = 1.12
MISSING_NAMES = -1.23

_NAME_OR_NUMBER = re.compile(r"\b(?:[A-Z][\w’'-]*|\d[\w.,]*)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """`best_similarity`: best cosine over the corpus. `coverage`: best share of the question's idf in one sentence with its
    title, among the first three passages. `gap`: fused score of the first less that of the tenth passage (or the last).
    `missing_names`: share of the question's names and numbers that the first passage lacks."""

    best_similarity: float
    coverage: float
    gap: float
    missing_names: float


def probability(evidence: Evidence) -> float:
    """P(the documents answer the question), 0..1."""
    logit = (
        INTERCEPT
        + BEST_SIMILARITY * evidence.best_similarity
        + COVERAGE * evidence.coverage
        + GAP * evidence.gap
        + MISSING_NAMES * evidence.missing_names
    )
    return 1 / (1 + math.exp(-logit))


def missing_names(question: str, text: str) -> float:
    """The share of the question's capitalised words and numbers (its first word left out) that the text lacks; 0 for none."""
    first_word_end = len(question.split(maxsplit=1)[0]) if question.strip() else 0
    names = [match[0] for match in _NAME_OR_NUMBER.finditer(question.strip()) if match.start() >= first_word_end]
    sought = {stem for name in names for stem in stems(words(name))}
    return len(sought - set(stems(words(text)))) / len(sought) if sought else 0.0
