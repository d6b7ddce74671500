"""Asks the questions of a set, judges the rankings and answers, and summarises them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter

import numpy as np

from index.engine import EngineView
from index.ranking.result import Candidate, Ranking
from index.types import StoredPassage
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.answering.confidence import Evidence
from qa.answering.question.validity import clean_question
from qa.evaluation import measures
from qa.evaluation.matching import Match, match
from qa.evaluation.measures import Bin
from qa.evaluation.question_sets import Question
from qa.evaluation.quote_measures import RIGHT, JudgedQuote, QuoteFigures, measure_quotes

DEPTH = 50  # documents (or relevant items) of a ranking that are judged
RRF_K = 60  # Cormack, Clarke and Büttcher 2009
PASSAGE_BATCH = 50
# For questions with a relevant quote: the quote shown contains it, or is part of it.
QUOTED = "quote hit"
# For labelled questions: answered if the documents answer, refused if they do not.
DECIDED = "decision accuracy"


class Order(StrEnum):
    """The order of the candidates: by the fused score, by one leg alone, by reciprocal rank fusion of both legs, or by the sum of their
    scores, each scaled to 0 to 1 among the candidates of the question.
    """

    FUSED = "fused"
    DENSE = "dense"
    LEXICAL = "lexical"
    RRF = "rrf"
    WEIGHTED = "weighted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one question. `ranked`: best first, the item of `question.relevant` that a passage matches, or its document's id.
    `quotes`: the relevant items that are quotes. `answers`: the quotes, best first, even if the question was refused.
    """

    question: Question
    ranked: tuple[str, ...]
    quotes: tuple[str, ...]
    confidence: float
    answerable: bool
    answers: tuple[str, ...]
    corrected: str | None
    rewritten: str | None
    evidence: Evidence | None
    took_ms: float

    @property
    def quote(self) -> str | None:
        """The first answer."""
        return self.answers[0] if self.answers else None

    @property
    def shown(self) -> str | None:
        """The quote that is shown as the answer, None if the question was refused."""
        return self.quote if self.answerable else None

    @property
    def judged_quote(self) -> JudgedQuote | None:
        """None if the set does not give the words that answer."""
        question = self.question
        if question.references:
            found = [match(answer, question.references) for answer in self.answers] or [Match.WRONG]
            return JudgedQuote(question.kind or "answerable", found[0], self.confidence, Match.RIGHT in found)
        return JudgedQuote(question.kind or "unanswerable", None, self.confidence) if question.answerable is False else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Measures of a run: overall, by question, and the bins of the reliability diagram. Measures that do not apply to the set (for
    example without unanswerable questions) are left out. `quotes`: None if the set does not give the words that answer.
    """

    measures: Mapping[str, float]
    per_question: Mapping[str, Mapping[str, float]]
    reliability: Sequence[Bin]
    questions: int
    quotes: QuoteFigures | None = None


class Judge:
    """Names the passages of a ranking: by the relevant item that they match, else by their document. Caches the passages."""

    def __init__(self, engine: EngineView) -> None:
        self._engine = engine
        self._passages: dict[int, StoredPassage] = {}
        self._ids: dict[str, bool] = {}

    def names(
        self, ranking: Ranking, relevant: Mapping[str, int], depth: int = DEPTH, *, pinned: Sequence[int] = ()
    ) -> tuple[str, ...]:
        """At most `depth` distinct names, best first. `pinned`: ids of passages that are shown before all others."""
        quotes = {_normalise(item): item for item in self.quotes(relevant)}
        found: dict[str, None] = {}
        ids = [*pinned, *(candidate.passage_id for candidate in ranking.candidates)]
        for first in range(0, len(ids), PASSAGE_BATCH):
            for stored in self._load(ids[first : first + PASSAGE_BATCH]):
                found.setdefault(_name(stored, relevant, quotes))
            if len(found) >= depth:
                break
        return tuple(found)[:depth]

    def quotes(self, relevant: Mapping[str, int]) -> list[str]:
        """The relevant items that are quotes: they contain a space and are not the id of a document."""
        return [item for item in relevant if " " in item and not self._is_id(item)]

    def _is_id(self, item: str) -> bool:
        if item not in self._ids:
            self._ids[item] = self._engine.document(item) is not None
        return self._ids[item]

    def _load(self, ids: Sequence[int]) -> list[StoredPassage]:
        missing = [i for i in ids if i not in self._passages]
        self._passages.update((stored.id, stored) for stored in self._engine.passages(missing))
        return [self._passages[i] for i in ids if i in self._passages]


def run(questions: Sequence[Question], answerer: Answerer, judge: Judge, threshold: float) -> Iterator[Outcome]:
    """Ask each question once, after one question to warm up. Raises InvalidQuestion.

    `answerer`: refuses nothing (its threshold is 0), so that every question has a quote. `threshold`: the lowest confidence of an
    answerable question.
    """
    if questions:
        answerer.ask(clean_question(questions[0].text), history=questions[0].history)
    for question in questions:
        text = clean_question(question.text)
        began = perf_counter()
        answer = answerer.ask(text, history=question.history)
        took_ms = (perf_counter() - began) * 1000
        pinned = [result.stored.id for result in answer.curated.pinned]
        ranked = judge.names(answer.ranking, question.relevant, pinned=pinned) if answer.ranking else ()
        yield _outcome(question, answer, ranked, tuple(judge.quotes(question.relevant)), took_ms, threshold)


def arrange(ranking: Ranking, order: Order) -> Ranking:
    """The candidates in another order; in the lexical order only those that contain a term."""
    if order is Order.FUSED:
        return ranking
    scores = _scores(ranking.candidates, order)
    places = [place for place, score in enumerate(scores) if score > 0 or order is not Order.LEXICAL]
    places.sort(key=lambda place: (-scores[place], ranking.candidates[place].passage_id))
    return replace(
        ranking,
        candidates=[replace(ranking.candidates[place], score=scores[place]) for place in places],
        best_possible=2 / (RRF_K + 1) if order is Order.RRF else 2.0 if order is Order.WEIGHTED else 1.0,
        contributions={name: part[places] for name, part in ranking.contributions.items()},
    )


def summarise(outcomes: Sequence[Outcome], threshold: float) -> Summary:
    """All measures that apply to the questions; latencies in milliseconds. `threshold`: the one of `run`."""
    relevant = {outcome.question.id: outcome.question.relevant for outcome in outcomes if outcome.question.relevant}
    per_question = measures.ranking_measures({o.question.id: o.ranked for o in outcomes if o.question.relevant}, relevant)
    per_question[QUOTED] = {o.question.id: float(_is_quote_hit(o)) for o in outcomes if o.quotes}
    per_question[DECIDED] = {
        o.question.id: float(o.answerable == o.question.is_answerable) for o in outcomes if o.question.is_answerable is not None
    }
    found = {name: float(np.mean(list(values.values()))) for name, values in per_question.items() if values}
    per_question[RIGHT] = {
        o.question.id: float(one.match is Match.RIGHT) for o in outcomes if (one := o.judged_quote) and one.match
    }
    judged = [outcome for outcome in outcomes if outcome.question.is_answerable is not None]
    bins: Sequence[Bin] = ()
    if judged:
        found |= _confidence_measures(judged)
        bins = measures.reliability([o.confidence for o in judged], [bool(o.question.is_answerable) for o in judged])
    took = [outcome.took_ms for outcome in outcomes]
    if took:
        found |= {"latency median": float(np.median(took)), "latency p95": float(np.quantile(took, 0.95))}
    return Summary(found, per_question, bins, len(outcomes), _quote_figures(outcomes, threshold))


def _quote_figures(outcomes: Sequence[Outcome], threshold: float) -> QuoteFigures | None:
    judged = [one for outcome in outcomes if (one := outcome.judged_quote)]
    return measure_quotes(judged, threshold) if any(one.match for one in judged) else None


def _confidence_measures(judged: Sequence[Outcome]) -> dict[str, float]:
    confidences = [outcome.confidence for outcome in judged]
    truth = np.array([bool(outcome.question.is_answerable) for outcome in judged])
    decisions = np.array([outcome.answerable for outcome in judged])
    found = {"ECE": measures.expected_calibration_error(confidences, truth)}
    if truth.any():
        found["false refusals"] = float((~decisions[truth]).mean())
    if not truth.all():
        found["refused"] = float((~decisions[~truth]).mean())
    area = measures.auroc(confidences, truth)
    if area is not None:
        found["AUROC"] = area
        found["coverage at 95% precision"] = measures.coverage_at_precision(confidences, truth)
    return found


def _outcome(
    question: Question, answer: Answer, ranked: tuple[str, ...], quotes: tuple[str, ...], took_ms: float, threshold: float
) -> Outcome:
    return Outcome(
        question=question,
        ranked=ranked,
        quotes=quotes,
        confidence=answer.confidence,
        answerable=answer.confidence >= threshold,
        answers=tuple(one.quoted_text for one in answer.answers),
        corrected=answer.corrected,
        rewritten=answer.rewritten,
        evidence=answer.evidence,
        took_ms=took_ms,
    )


def _scores(candidates: Sequence[Candidate], order: Order) -> list[float]:
    if order is Order.DENSE:
        return [candidate.similarity for candidate in candidates]
    if order is Order.LEXICAL:
        return [candidate.lexical for candidate in candidates]
    if order is Order.WEIGHTED:
        legs = ([candidate.similarity for candidate in candidates], [candidate.lexical for candidate in candidates])
        return [one + other for one, other in zip(*map(_scaled, legs), strict=True)]
    dense = _ranks([candidate.similarity for candidate in candidates])
    lexical = _ranks([candidate.lexical for candidate in candidates])
    return [
        1 / (RRF_K + one) + (1 / (RRF_K + other) if candidate.lexical > 0 else 0.0)
        for candidate, one, other in zip(candidates, dense, lexical, strict=True)
    ]


def _scaled(scores: Sequence[float]) -> list[float]:
    """From 0 for the lowest score to 1 for the highest."""
    lowest, highest = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - lowest) / ((highest - lowest) or 1.0) for score in scores]


def _ranks(scores: Sequence[float]) -> list[int]:
    """The rank of each score, 1 for the highest."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    ranks = np.empty(len(scores), int)
    ranks[order] = np.arange(1, len(scores) + 1)
    return [int(rank) for rank in ranks]


def _name(stored: StoredPassage, relevant: Mapping[str, int], quotes: Mapping[str, str]) -> str:
    document = stored.document
    if document.id in relevant:
        return document.id
    if document.url in relevant:
        return str(document.url)
    if quotes:
        text = _normalise(stored.passage.text)
        for quote, item in quotes.items():
            if quote in text:
                return item
    return document.id


def _is_quote_hit(outcome: Outcome) -> bool:
    shown = _normalise(outcome.shown or "")
    return bool(shown) and any(quote in shown or shown in quote for quote in map(_normalise, outcome.quotes))


def _normalise(text: str) -> str:
    """Normalise white space and case, to compare quotes."""
    return " ".join(text.split()).casefold()
