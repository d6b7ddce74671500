"""Hits -> quote, confidence, answerable. Knows no Flask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.types import Span
from index.analysis import terms
from index.filters import Filter
from index.fusion import lexical_weight
from index.rows import StoredPassage
from index.searcher import Candidate, Ranking, Searcher
from index.store import Store
from qa.confidence import Evidence, missing_names, probability
from qa.quotes import best_quote, coverage

# Confidence looks at the quotes of the first three passages and at the score of the tenth.
LOOKED_AT = 3
GAP_RANK = 10


@dataclass(frozen=True, slots=True)
class Result:
    """A passage that was found, its score (0..1, never against the order) and the quote in it (offsets into the document)."""

    stored: StoredPassage
    score: float
    quote: Span


@dataclass(frozen=True, slots=True)
class Answer:
    """What the documents say to a question. `quote` is None where they do not answer it; the nearest passages are there still."""

    question: str
    answerable: bool
    confidence: float
    quote: Result | None
    results: Sequence[Result]
    generation: int


class Answerer:
    def __init__(self, searcher: Searcher, store: Store, operating_point: float) -> None:
        """`operating_point`: the confidence from which a question counts as answerable."""
        self._searcher = searcher
        self._store = store
        self._operating_point = operating_point

    def ask(self, question: str, limit: int = 5, filter_: Filter | None = None) -> Answer:
        """The answer with up to `limit` results, best first, out of the documents that the filter lets through."""
        allowed = self._store.allowed_passages(filter_) if filter_ else None
        ranking = self._searcher.search(question, allowed)
        found = self._found(ranking, max(limit, LOOKED_AT))
        if not found:
            return Answer(question, False, 0.0, None, (), ranking.generation)
        results = [_result(candidate, stored, ranking) for candidate, stored in found]
        confidence = probability(_evidence(question, ranking, found))
        answerable = confidence >= self._operating_point
        return Answer(question, answerable, confidence, results[0] if answerable else None, results[:limit], ranking.generation)

    def _found(self, ranking: Ranking, wanted: int) -> list[tuple[Candidate, StoredPassage]]:
        """The first passages that are still stored: one that was removed a moment ago is passed over."""
        found: list[tuple[Candidate, StoredPassage]] = []
        for first in range(0, len(ranking.candidates), wanted):
            candidates = {c.passage_id: c for c in ranking.candidates[first : first + wanted]}
            found.extend((candidates[stored.id], stored) for stored in self._store.passages(list(candidates)))
            if len(found) >= wanted:
                break
        return found[:wanted]


def _result(candidate: Candidate, stored: StoredPassage, ranking: Ranking) -> Result:
    best_possible = 1 + lexical_weight(ranking.best_similarity)
    quote = best_quote(stored.passage.text, ranking.term_weights)
    start = stored.passage.start
    return Result(stored, min(max(candidate.score / best_possible, 0.0), 1.0), (start + quote.start, start + quote.end))


def _evidence(question: str, ranking: Ranking, found: Sequence[tuple[Candidate, StoredPassage]]) -> Evidence:
    candidates = ranking.candidates
    return Evidence(
        best_similarity=ranking.best_similarity,
        coverage=max(_coverage(stored, ranking) for _, stored in found[:LOOKED_AT]),
        gap=candidates[0].score - candidates[min(GAP_RANK, len(candidates)) - 1].score,
        missing_names=missing_names(question, found[0][1].passage.searchable_text),
    )


def _coverage(stored: StoredPassage, ranking: Ranking) -> float:
    text = stored.passage.text
    quote = best_quote(text, ranking.term_weights)
    return coverage(set(terms(text[quote.start : quote.end])) | set(terms(stored.passage.context)), ranking.term_weights)
