"""The baseline that quotes are compared with: the sentence of the first passage with most of the question's words, and the probability
that the passages are about the question as its confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from index.filters import Filter
from qa.answering.answer import Answer
from qa.answering.answerer import Answerer
from qa.answering.confidence import topic_log_odds
from qa.answering.question.turn import Turn
from qa.settings.settings import Read


class Baseline(Answerer):
    """Shows the quote of the first result instead of the answers."""

    def ask(
        self,
        question: str,
        limit: int = 5,
        filter_: Filter | None = None,
        history: Sequence[Turn] = (),
        read: Read | None = "never",
    ) -> Answer:
        answer = super().ask(question, limit, filter_, history, "never")
        evidence = answer.evidence
        if evidence is None:
            return answer
        return replace(answer, answers=answer.results[:1], confidence=1 / (1 + math.exp(-topic_log_odds(evidence))))
