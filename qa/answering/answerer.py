"""Hits -> quote, confidence, answerable. Knows no Flask."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from corpus.types import Span
from index.embedded.store.store import Store
from index.filters import Filter
from index.ranking.query import PreparedQuery, SearcherProtocol
from index.ranking.result import Candidate, Ranking
from index.text.analysis import terms
from index.types import Ids, StoredPassage, Vector
from qa.answering.calibration import AS_SHIPPED, Calibration
from qa.answering.confidence import Evidence, best_coverage, missing_names, probability
from qa.answering.near_duplicates import are_near_duplicates
from qa.answering.question.follow_ups import Context, FollowUp, completed, context_of, follow_up
from qa.answering.question.languages import language_notice, unsupported_language
from qa.answering.question.small_talk import strip_courtesies
from qa.answering.question.turn import Turn
from qa.answering.quotes import QuoteFinder, sentence_terms
from qa.observation import EMBED, RANK, REQUEST, mark_stage, record_answer

LOOKED_AT = 3  # passages that confidence is judged by


@dataclass(frozen=True, slots=True)
class Result:
    """A passage that was found, its score (0..1, never against the order) and the quote in it (offsets into the document)."""

    stored: StoredPassage
    score: float
    quote: Span

    @property
    def quoted_text(self) -> str:
        passage = self.stored.passage
        return passage.text[self.quote[0] - passage.start : self.quote[1] - passage.start]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the documents say to a question. `quote` is None where they do not answer it; the nearest passages are there still.

    `corrected` is the question with its spelling corrected, None where nothing was. `rewritten` is the question as it was searched,
    and `reason` why; None where it was searched as it was asked. `evidence` is what `confidence` follows from,
    None where nothing was found. `ranking` is what the results were taken from.
    """

    question: str
    corrected: str | None
    answerable: bool
    confidence: float
    evidence: Evidence | None
    quote: Result | None
    results: Sequence[Result]
    generation: int
    notice: str | None = None
    ranking: Ranking | None = None
    rewritten: str | None = None
    reason: str | None = None


class Answerer:
    def __init__(
        self,
        searcher: SearcherProtocol,
        store: Store,
        answer_threshold: float,
        languages: Collection[str] = (),
        calibration: Calibration = AS_SHIPPED,
    ) -> None:
        """`answer_threshold`: the confidence from which a question counts as answerable; `calibration`: of confidence, to these documents.

        `languages`: codes of those that the embedding model serves; empty for all. A question in another is answered by words.
        """
        self._searcher = searcher
        self._store = store
        self._operating_point = answer_threshold
        self._languages = frozenset(languages)
        self._calibration = calibration

    def ask(self, question: str, limit: int = 5, filter_: Filter | None = None, history: Sequence[Turn] = ()) -> Answer:
        """The answer with up to `limit` results, best first, out of the documents that the filter lets through.

        `history`: the turns before the question, the oldest first.
        """
        mark_stage(REQUEST)
        plain = strip_courtesies(question)
        context = context_of(history)
        whole = completed(plain, context)
        asked = self._searcher.read(whole)
        unserved = unsupported_language(asked.question, self._languages)
        if unserved is not None:
            context = None
        mark_stage(EMBED)
        with self._store.turns.reading():
            allowed = self._searcher.allowed(filter_) if filter_ else None
            nearest = self._searcher.nearest(asked.vector, allowed) if context else None
            followed = self._follow_up(asked, context, nearest.score, allowed) if context and nearest else None
            if followed:
                asked, nearest = followed.asked, None
            ranking = self._searcher.rank(asked, allowed, by_words=unserved is not None, nearest=nearest)
            found = self._found(ranking, max(limit, LOOKED_AT))
        mark_stage(RANK)
        if not found:
            record_answer(question, False)
            nothing = language_notice(unserved, None, self._languages)
            return Answer(question, None, False, 0.0, None, None, (), ranking.generation, nothing)
        finder = QuoteFinder(ranking.question, ranking.term_weights)
        results = [_result(candidate, stored, finder.best(stored.passage.text), ranking) for candidate, stored in found]
        evidence = _evidence(ranking, found)
        confidence = self._calibration.apply(probability(evidence))
        record_answer(question, confidence >= self._operating_point)
        rewritten, reason = _rewritten(question, plain, whole, ranking.question, followed)
        return Answer(
            question=question,
            corrected=ranking.question if ranking.question != whole else None,
            answerable=confidence >= self._operating_point,
            confidence=confidence,
            evidence=evidence,
            quote=results[0] if confidence >= self._operating_point else None,
            results=results[:limit],
            generation=ranking.generation,
            notice=language_notice(unserved, found[0][1].document.language, self._languages),
            ranking=ranking,
            rewritten=rewritten,
            reason=reason,
        )

    def _follow_up(self, asked: PreparedQuery, context: Context, nearest: float, allowed: Ids | None) -> FollowUp | None:
        """Embeds the context where the question may need it, which most that stand alone do not."""

        def best(vector: Vector) -> float:
            return self._searcher.nearest(vector, allowed).score

        return follow_up(asked, context, nearest, self._searcher.vector, best)

    def _found(self, ranking: Ranking, wanted: int) -> list[tuple[Candidate, StoredPassage]]:
        """The first passages that are still stored (one removed a moment ago is passed over), near copies shown once."""
        found: list[tuple[Candidate, StoredPassage]] = []
        for first in range(0, len(ranking.candidates), wanted):
            candidates = {c.passage_id: c for c in ranking.candidates[first : first + wanted]}
            for stored in self._store.passages(list(candidates)):
                if not any(are_near_duplicates(stored.passage.text, other.passage.text) for _, other in found):
                    found.append((candidates[stored.id], stored))
            if len(found) >= wanted:
                break
        return found[:wanted]


def _rewritten(
    question: str, plain: str, whole: str, corrected: str, followed: FollowUp | None
) -> tuple[str | None, str | None]:
    """The question as it was searched, and why it is not as it was asked."""
    reasons = [
        "greetings and thanks are left out" if plain != question else None,
        "it continues the question before it" if whole != plain else None,
        followed.reason if followed else None,
        "its spelling was corrected" if corrected != whole else None,
    ]
    given = [reason for reason in reasons if reason]
    return (followed.question if followed else corrected, "; ".join(given)) if given else (None, None)


def _result(candidate: Candidate, stored: StoredPassage, quote: Span, ranking: Ranking) -> Result:
    start = stored.passage.start
    score = min(max(candidate.score / ranking.best_possible, 0.0), 1.0)
    return Result(stored, score, (start + quote[0], start + quote[1]))


def _evidence(ranking: Ranking, found: Sequence[tuple[Candidate, StoredPassage]]) -> Evidence:
    first, _ = found[0]
    sentences = [_with_titles(stored) for _, stored in found[:LOOKED_AT]]
    return Evidence(
        similarity=first.similarity,
        coverage=best_coverage(ranking.term_weights, (sentence for of_passage in sentences for sentence in of_passage)),
        missing_names=missing_names(ranking.question, frozenset().union(*sentences[0])),
        passages=ranking.passages,
    )


def _with_titles(stored: StoredPassage) -> list[frozenset[str]]:
    titles = frozenset(terms(stored.passage.context))
    return [sentence | titles for sentence in sentence_terms(stored.passage.text)]
