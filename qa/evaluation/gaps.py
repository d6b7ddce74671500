"""Groups kept questions without a good answer by meaning, to show which documents are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from index.engine import EngineView
from qa.answering.answerer import Answerer
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.operate.asked import Asked, OpenQuestion
from qa.operate.question_log import KeptQuestion

# Largest mean cosine distance within a group. Of 25 citizens' questions in three wordings each, .5 groups all wordings of 22 and
# never mixes two questions; .45: 21 and none mixed, .55: 22 and one, .65: 22 and three.
MAX_DISTANCE = 0.5
MAX_GROUPED = 5_000  # the newest distinct questions; clustering is quadratic


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions with the same meaning, the most frequent first."""

    questions: Sequence[OpenQuestion]

    @property
    def times(self) -> int:
        return sum(one.times for one in self.questions)

    @property
    def last(self) -> str:
        return max(one.last for one in self.questions)


def find_gaps(kept: Iterable[KeptQuestion], answerer: Answerer, engine: EngineView) -> list[Gap]:
    """The most frequent gaps first, without questions that are answered by now, unless a reader marked the answer as unhelpful."""
    questions = [one for one in Asked.of(kept).gaps() if _is_open(one, answerer)]
    questions = sorted(questions, key=lambda one: one.last)[-MAX_GROUPED:]
    found = [Gap(sorted(group, key=lambda one: (-one.times, one.question))) for group in _group_by_meaning(questions, engine)]
    return sorted(found, key=lambda gap: (-gap.times, gap.questions[0].question))


def _is_open(question: OpenQuestion, answerer: Answerer) -> bool:
    """A question that had an uncertain answer needs a likely one, a question that had none any."""
    if question.unhelpful:
        return True
    answer = answerer.ask(question.question, 1)
    return not answer.answerable or (question.uncertain > 0 and answer.confidence < LIKELY_CONFIDENCE)


def _group_by_meaning(questions: Sequence[OpenQuestion], engine: EngineView) -> list[list[OpenQuestion]]:
    if len(questions) < 2:
        return [[one] for one in questions]
    vectors = np.stack([engine.prepare(one.question).vector for one in questions])
    clustering = AgglomerativeClustering(n_clusters=None, distance_threshold=MAX_DISTANCE, metric="cosine", linkage="average")
    groups: dict[int, list[OpenQuestion]] = {}
    for label, one in zip(clustering.fit_predict(vectors), questions, strict=True):
        groups.setdefault(int(label), []).append(one)
    return list(groups.values())
