"""The topic: whether the documents are about what the question asks, from the search alone. Pure.

A logistic model of four features of a search. The number of passages lowers it, because the best of many passages is more similar
by chance. Similarity and words show the topic, not whether the text settles the question, so near misses are only partly detected.
docs/decisions/0005-confidence.md has the figures and the data for the fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.ranking.result import Candidate, Ranking
from index.text.analysis import stems, terms
from index.types import StoredPassage
from qa.answering.choosing.words import sentences
from qa.answering.question.follow_ups import is_phrase
from qa.answering.question.names import names_and_numbers, share_missing

# Fitted by benchmarks/quality/fit_confidence.py.
INTERCEPT = -2.84
SIMILARITY = 5.98
COVERAGE = 3.06
MISSING_NAMES = -0.62
TENFOLD = -0.24  # per factor of ten in the number of passages
# The lowest confidence of an answer shown as likely; below it an answer is shown as the closest found.
LIKELY_CONFIDENCE = 0.8
# The highest of an answer to a phrase that is no question, and where a name that the documents lack may be misspelt, or another name.
PHRASE_CONFIDENCE, GUESSED_NAME_CONFIDENCE = 0.5, 0.75
# Coverage counts this many terms with the highest idf, because no answer repeats all words of a long question.
COVERED_TERMS = 4
JUDGED_PASSAGES = 3  # first results whose sentences count


@dataclass(frozen=True, slots=True)
class Evidence:
    """`similarity`: of the question and the first passage, on the model's scale. `coverage` and `missing_names`: see the functions below.
    `passages`: the number of passages searched, 1 or more. `quote`: the probability that the best quote answers, before calibration.
    """

    similarity: float
    coverage: float
    missing_names: float
    passages: int
    quote: float = 0.0


def topic_evidence(ranking: Ranking, found: Sequence[tuple[Candidate, StoredPassage]]) -> Evidence:
    """The evidence of a search that found these passages, at least one. The quote's probability is 0."""
    sentences = [_sentence_terms(stored, ranking.language) for _, stored in found[:JUDGED_PASSAGES]]
    return Evidence(
        similarity=found[0][0].similarity,
        coverage=best_coverage(ranking.term_weights, (sentence for of_passage in sentences for sentence in of_passage)),
        missing_names=share_missing(
            stems(names_and_numbers(ranking.meant), ranking.language), frozenset().union(*sentences[0])
        ),
        passages=ranking.passages,
    )


def topic_log_odds(evidence: Evidence) -> float:
    """The log-odds that the documents are about what the question asks."""
    return (
        INTERCEPT
        + SIMILARITY * evidence.similarity
        + COVERAGE * evidence.coverage
        + MISSING_NAMES * evidence.missing_names
        + TENFOLD * math.log10(evidence.passages)
    )


def highest_confidence(question: str, ranking: Ranking, missing: Sequence[str]) -> float:
    """What an answer may have at most. `question`: as it was completed; `missing`: its names that no document holds."""
    if is_phrase(question):
        return PHRASE_CONFIDENCE
    return GUESSED_NAME_CONFIDENCE if missing and ranking.meant != ranking.question else 1.0


def best_coverage(weights: Mapping[str, float], sentences: Iterable[frozenset[str]]) -> float:
    """The largest idf sum of question terms in one sentence, divided by that of the COVERED_TERMS heaviest terms, at most 1.

    `weights`: term of the question -> idf. `sentences`: the terms of each sentence and its titles.
    """
    heaviest = sum(sorted(weights.values(), reverse=True)[:COVERED_TERMS])
    best = max((sum(weight for term, weight in weights.items() if term in sentence) for sentence in sentences), default=0.0)
    return min(best / heaviest, 1.0) if heaviest else 0.0


def _sentence_terms(stored: StoredPassage, language: str) -> list[frozenset[str]]:
    titles = frozenset(terms(stored.passage.context, language))
    return [sentence | titles for _, sentence in sentences(stored.passage.text, language)]
