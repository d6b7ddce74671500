"""Question -> results with quotes, confidence, and whether the documents answer it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from corpus.types import Span
from index.engine import Engine, Snapshot
from index.filters import Filter
from index.ranking.query import PreparedQuery, embed_together
from index.ranking.result import Candidate, Ranking
from index.text.analysis import terms
from index.types import StoredPassage
from qa.answering.answer import Answer, Result
from qa.answering.calibration import AS_SHIPPED, Calibration
from qa.answering.confidence import Evidence, best_coverage, missing_names, probability
from qa.answering.near_duplicates import are_near_duplicates
from qa.answering.question.follow_ups import Context, FollowUp, complete_question, read_context, resolve_follow_up
from qa.answering.question.languages import language_notice, unsupported_language
from qa.answering.question.small_talk import strip_courtesies
from qa.answering.question.turn import Turn
from qa.answering.quotes import QuoteFinder, sentence_terms
from qa.observation import EMBED, RANK, REQUEST, mark_stage, record_answer
from qa.settings.settings import Read

JUDGED_PASSAGES = 3  # first results that confidence is computed from


class Answerer:
    def __init__(
        self,
        engine: Engine,
        answer_threshold: float,
        languages: Collection[str] = (),
        calibration: Calibration = AS_SHIPPED,
        *,
        read: Read = "auto",
        spelling: bool = True,
        arrange: Callable[[Ranking], Ranking] | None = None,
    ) -> None:
        """`answer_threshold`: lowest confidence of an answerable question. `calibration`: of confidence, to these documents.

        `languages`: codes of the embedding model's languages, empty for all; a question in another language is searched by words.
        `read`: when the reading model reads, unless a question says otherwise. `spelling`: correct questions. `arrange`: reorders each
        ranking, to compare orders.
        """
        self._engine = engine
        self._answer_threshold = answer_threshold
        self._languages = frozenset(languages)
        self._calibration = calibration
        self._read = read
        self._spelling = spelling
        self._arrange = arrange

    def ask(
        self,
        question: str,
        limit: int = 5,
        filter_: Filter | None = None,
        history: Sequence[Turn] = (),
        read: Read | None = None,
    ) -> Answer:
        """Answer with up to `limit` results, best first, from the documents that the filter allows.

        `history`: the turns before the question, oldest first. `read`: when the reading model reads; None as the answerer was made.
        """
        mark_stage(REQUEST)
        plain = strip_courtesies(question)
        context = read_context(history)
        whole = complete_question(plain, context)
        query = self._engine.prepare(whole, spelling=self._spelling)
        unsupported = unsupported_language(query.question, self._languages)
        if unsupported is not None:
            query, context = replace(query, lexical_only=True), None
        mark_stage(EMBED)
        with self._engine.snapshot(filter_) as snapshot:
            followed = self._follow_up(query, context, snapshot) if context else None
            ranking = snapshot.search(followed.query if followed else query)
            if self._arrange:
                ranking = self._arrange(ranking)
            found = _passages_of(ranking, snapshot, max(limit, JUDGED_PASSAGES))
        mark_stage(RANK)
        if not found:
            record_answer(False)
            nothing = language_notice(unsupported, None, self._languages)
            return Answer(question, None, False, 0.0, None, (), (), ranking.generation, nothing)
        finder = QuoteFinder(ranking.question, ranking.term_weights)
        results = [_result(candidate, stored, finder.best(stored.passage.text), ranking) for candidate, stored in found]
        evidence = _evidence(ranking, found)
        confidence = self._calibration.apply(probability(evidence))
        answerable = confidence >= self._answer_threshold
        record_answer(answerable)
        rewritten, reason = _rewritten(question, plain, whole, ranking.question, followed)
        return Answer(
            question=question,
            corrected=ranking.question if ranking.question != whole else None,
            answerable=answerable,
            confidence=confidence,
            evidence=evidence,
            answers=[replace(results[0], confidence=confidence)] if answerable else (),
            results=results[:limit],
            generation=ranking.generation,
            notice=language_notice(unsupported, found[0][1].document.language, self._languages),
            ranking=ranking,
            rewritten=rewritten,
            reason=reason,
        )

    def _follow_up(self, query: PreparedQuery, context: Context, snapshot: Snapshot) -> FollowUp | None:
        """The question with its context. The context is embedded only if the question may need it."""
        embedder, best = self._engine.embedder, snapshot.best_similarity
        return resolve_follow_up(query, context, best(query.vector), lambda texts: embed_together(embedder, texts), best)


def _passages_of(ranking: Ranking, snapshot: Snapshot, wanted: int) -> list[tuple[Candidate, StoredPassage]]:
    """The first candidates that are still stored, without near-duplicates."""
    found: list[tuple[Candidate, StoredPassage]] = []
    for first in range(0, len(ranking.candidates), wanted):
        candidates = {c.passage_id: c for c in ranking.candidates[first : first + wanted]}
        for stored in snapshot.passages(list(candidates)):
            if not any(are_near_duplicates(stored.passage.text, other.passage.text) for _, other in found):
                found.append((candidates[stored.id], stored))
        if len(found) >= wanted:
            break
    return found[:wanted]


def _rewritten(
    question: str, plain: str, whole: str, corrected: str, followed: FollowUp | None
) -> tuple[str | None, str | None]:
    """The question that was searched and why it differs from the one that was asked; None if it does not."""
    reasons = [
        "greetings and thanks were removed" if plain != question else None,
        "it completes the previous question" if whole != plain else None,
        followed.reason if followed else None,
        "its spelling was corrected" if corrected != whole else None,
    ]
    given = [reason for reason in reasons if reason]
    return (followed.question if followed else corrected, "; ".join(given)) if given else (None, None)


def _result(candidate: Candidate, stored: StoredPassage, quote: Span, ranking: Ranking) -> Result:
    start, text = stored.passage.start, stored.passage.text
    score = min(max(candidate.score / ranking.best_possible, 0.0), 1.0)
    return Result(stored, score, (start + quote[0], start + quote[1]), text[quote[0] : quote[1]])


def _evidence(ranking: Ranking, found: Sequence[tuple[Candidate, StoredPassage]]) -> Evidence:
    first, _ = found[0]
    sentences = [_with_titles(stored) for _, stored in found[:JUDGED_PASSAGES]]
    return Evidence(
        similarity=first.similarity,
        coverage=best_coverage(ranking.term_weights, (sentence for of_passage in sentences for sentence in of_passage)),
        missing_names=missing_names(ranking.question, frozenset().union(*sentences[0])),
        passages=ranking.passages,
    )


def _with_titles(stored: StoredPassage) -> list[frozenset[str]]:
    titles = frozenset(terms(stored.passage.context))
    return [sentence | titles for sentence in sentence_terms(stored.passage.text)]
