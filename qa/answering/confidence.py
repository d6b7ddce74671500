"""How likely it is that the documents answer the question. Pure.

A logistic model over four facts of a search. The best of many passages is nearer by chance than the best of few, so the number of
passages counts against. Similarity and words tell the topic, not whether a statement follows: a question on the right topic that the
text does not settle is only partly told apart.
docs/decisions/0005-confidence.md has the figures, and the data that the coefficients were fitted on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from index.text.analysis import STOP_WORDS, stems, words

# Fitted by benchmarks/quality/fit_confidence.py.
INTERCEPT = -2.84
SIMILARITY = 5.98
COVERAGE = 3.06
MISSING_NAMES = -0.62
TENFOLD = -0.24  # for every tenfold number of passages
# From here on a question counts as answerable. On the sets it was fitted on 1.6% of answerable questions fall below, and 93% of
# those from elsewhere; the worst set refuses 83% of them (docs/decisions/0005-confidence.md).
ANSWER_THRESHOLD = 0.45
# From here on an answer is called likely; one that is answerable and less certain is worded as the closest that was found.
LIKELY_CONFIDENCE = 0.8
# Long questions hold words that no answer repeats: coverage is that of so many of the heaviest terms.
HEAVIEST = 4

_NAME_OR_NUMBER = re.compile(r"\b(?:[A-Z][\w’'-]*|\w*\d[\w.,:%-]*)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """`similarity`: cosine of the question and the first passage. `coverage`: see `best_coverage`. `missing_names`: see there.
    `passages`: how many there were to choose from, 1 or more.
    """

    similarity: float
    coverage: float
    missing_names: float
    passages: int


def probability(evidence: Evidence) -> float:
    """P(the documents answer the question), 0..1."""
    logit = (
        INTERCEPT
        + SIMILARITY * evidence.similarity
        + COVERAGE * evidence.coverage
        + MISSING_NAMES * evidence.missing_names
        + TENFOLD * math.log10(evidence.passages)
    )
    return 1 / (1 + math.exp(-logit))


def best_coverage(weights: Mapping[str, float], sentences: Iterable[frozenset[str]]) -> float:
    """The best sentence's weight of the question's terms over that of its HEAVIEST heaviest ones, at most 1.

    `weights`: the question's terms with their idf; `sentences`: the terms of each sentence and its titles.
    """
    heaviest = sum(sorted(weights.values(), reverse=True)[:HEAVIEST])
    best = max((sum(weight for term, weight in weights.items() if term in sentence) for sentence in sentences), default=0.0)
    return min(best / heaviest, 1.0) if heaviest else 0.0


def missing_names(question: str, found: frozenset[str]) -> float:
    """The share of the question's names and numbers that are not among these terms."""
    asked = names(question)
    return sum(stem not in found for stem in stems(asked)) / len(asked) if asked else 0.0


def names(question: str) -> list[str]:
    """Its capitalised words and numbers, in lower case; its first letter says nothing."""
    rest = question[:1].lower() + question[1:]
    return [word for match in _NAME_OR_NUMBER.finditer(rest) for word in words(match[0]) if word not in STOP_WORDS]
