"""Groups logged questions without an answer by meaning, to show which documents are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from index.engine import Engine
from qa.answering.answerer import Answerer
from qa.operate.question_log import KeptQuestion, Outcome, question_key

# Largest mean cosine distance within a group. Of 25 citizens' questions in three wordings each, .5 groups all wordings of 22 and
# never mixes two questions; .45: 21 and none mixed, .55: 22 and one, .65: 22 and three.
MAX_DISTANCE = 0.5
MAX_GROUPED = 5_000  # the newest distinct questions; clustering is quadratic


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question without an answer, the number of times it was asked, and the last time (ISO 8601)."""

    question: str
    times: int
    last: str


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


def find_gaps(kept: Iterable[KeptQuestion], answerer: Answerer, engine: Engine) -> list[Gap]:
    """The most frequent gaps first, without questions that are answered by now, unless a reader marked the answer as unhelpful."""
    latest: dict[str, list[KeptQuestion]] = {}
    for entry in kept:
        key = question_key(entry.question)
        if entry.outcome is Outcome.HELPED:
            latest.pop(key, None)
        else:
            latest.setdefault(key, []).append(entry)
    questions = [_open_question(entries) for entries in latest.values() if _is_open(entries, answerer)]
    questions = sorted(questions, key=lambda one: one.last)[-MAX_GROUPED:]
    found = [Gap(sorted(group, key=lambda one: (-one.times, one.question))) for group in _group_by_meaning(questions, engine)]
    return sorted(found, key=lambda gap: (-gap.times, gap.questions[0].question))


def _open_question(entries: Sequence[KeptQuestion]) -> OpenQuestion:
    return OpenQuestion(entries[-1].question, len(entries), entries[-1].at)


def _is_open(entries: Sequence[KeptQuestion], answerer: Answerer) -> bool:
    if any(entry.outcome is Outcome.DID_NOT_HELP for entry in entries):
        return True
    return not answerer.ask(entries[-1].question, 1).answerable


def _group_by_meaning(questions: Sequence[OpenQuestion], engine: Engine) -> list[list[OpenQuestion]]:
    if len(questions) < 2:
        return [[one] for one in questions]
    vectors = np.stack([engine.prepare(one.question).vector for one in questions])
    clustering = AgglomerativeClustering(n_clusters=None, distance_threshold=MAX_DISTANCE, metric="cosine", linkage="average")
    groups: dict[int, list[OpenQuestion]] = {}
    for label, one in zip(clustering.fit_predict(vectors), questions, strict=True):
        groups.setdefault(int(label), []).append(one)
    return list(groups.values())
