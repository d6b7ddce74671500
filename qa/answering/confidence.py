"""Confidence: the probability that the documents answer the question. Pure.

A logistic model of four features of a search. The number of passages lowers it, because the best of many passages is more similar
by chance. Similarity and words show the topic, not whether the text settles the question, so near misses are only partly detected.
docs/decisions/0005-confidence.md has the figures and the data for the fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from index.text.analysis import stems
from qa.answering.question.names import names_and_numbers

# Fitted by benchmarks/quality/fit_confidence.py.
INTERCEPT = -2.84
SIMILARITY = 5.98
COVERAGE = 3.06
MISSING_NAMES = -0.62
TENFOLD = -0.24  # per factor of ten in the number of passages
# The lowest confidence of an answer shown as likely; below it an answer is shown as the closest found.
LIKELY_CONFIDENCE = 0.8
# Coverage counts this many terms with the highest idf, because no answer repeats all words of a long question.
COVERED_TERMS = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """`similarity`: cosine of the question and the first passage. `coverage` and `missing_names`: see the functions below.
    `passages`: the number of passages searched, 1 or more.
    """

    similarity: float
    coverage: float
    missing_names: float
    passages: int


def probability(evidence: Evidence) -> float:
    """The probability that the documents answer the question, 0..1."""
    logit = (
        INTERCEPT
        + SIMILARITY * evidence.similarity
        + COVERAGE * evidence.coverage
        + MISSING_NAMES * evidence.missing_names
        + TENFOLD * math.log10(evidence.passages)
    )
    return 1 / (1 + math.exp(-logit))


def best_coverage(weights: Mapping[str, float], sentences: Iterable[frozenset[str]]) -> float:
    """The largest idf sum of question terms in one sentence, divided by that of the COVERED_TERMS heaviest terms, at most 1.

    `weights`: term of the question -> idf. `sentences`: the terms of each sentence and its titles.
    """
    heaviest = sum(sorted(weights.values(), reverse=True)[:COVERED_TERMS])
    best = max((sum(weight for term, weight in weights.items() if term in sentence) for sentence in sentences), default=0.0)
    return min(best / heaviest, 1.0) if heaviest else 0.0


def missing_names(question: str, found: frozenset[str]) -> float:
    """The share of the question's names and numbers that are not among the terms `found`."""
    names = names_and_numbers(question)
    return sum(stem not in found for stem in stems(names)) / len(names) if names else 0.0
