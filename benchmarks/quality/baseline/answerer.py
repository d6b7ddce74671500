"""Answers with the quote that the rules find in the first passage, and the probability of the topic as its confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.quality.baseline.quotes import QuoteFinder
from index.filters import Filter
from qa.answering.answer import Answer, Result
from qa.answering.answerer import Answerer
from qa.answering.confidence import topic_log_odds
from qa.answering.question.turn import Turn
from qa.settings.settings import Read


class Baseline(Answerer):
    """Quotes from the first result only."""

    def ask(
        self,
        question: str,
        limit: int = 5,
        filter_: Filter | None = None,
        history: Sequence[Turn] = (),
        read: Read | None = "never",
    ) -> Answer:
        answer = super().ask(question, limit, filter_, history, "never")
        evidence, ranking = answer.evidence, answer.ranking
        if evidence is None or ranking is None:
            return answer
        finder = QuoteFinder(ranking.question, ranking.term_weights)
        quoted = [_quote(finder, result) for result in answer.results[:1]]
        return replace(answer, answers=quoted, confidence=1 / (1 + math.exp(-topic_log_odds(evidence))))


def _quote(finder: QuoteFinder, result: Result) -> Result:
    passage = result.stored.passage
    start, end = finder.best(passage.text)
    return Result(result.stored, result.score, (passage.start + start, passage.start + end), passage.text[start:end])
