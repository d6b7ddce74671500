"""Which documents are missing: kept questions that found no answer, those of one meaning together, the commonest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from index.ranking.query import SearcherProtocol
from qa.answering.answerer import Answerer
from qa.operate.question_log import Noted, Outcome

# Mean cosine distance up to which questions count as one. Of 25 things that citizens ask, each worded three ways, .5 puts all
# wordings of 22 together and never two things; .45 21 and none, .55 22 and one, .65 22 and three.
SAME_MEANING = 0.5
MOST_GROUPED = 5_000  # the newest distinct questions; grouping compares each with each


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was worded, how often, and when last (ISO 8601)."""

    question: str
    times: int
    last: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions of one meaning, the commonest first."""

    questions: Sequence[Asked]

    @property
    def times(self) -> int:
        return sum(asked.times for asked in self.questions)

    @property
    def last(self) -> str:
        return max(asked.last for asked in self.questions)


def gaps(noted: Iterable[Noted], answerer: Answerer, searcher: SearcherProtocol) -> list[Gap]:
    """A question that is answered by now is left out, unless a reader said of its answer that it was none."""
    latest: dict[str, list[Noted]] = {}
    for entry in noted:
        key = " ".join(entry.question.casefold().split()).rstrip("?!. ")
        if entry.outcome is Outcome.HELPED:
            latest.pop(key, None)
        else:
            latest.setdefault(key, []).append(entry)
    asked = [_asked(entries) for entries in latest.values() if _still_open(entries, answerer)]
    asked = sorted(asked, key=lambda one: one.last)[-MOST_GROUPED:]
    found = [Gap(sorted(group, key=lambda one: (-one.times, one.question))) for group in _grouped(asked, searcher)]
    return sorted(found, key=lambda gap: (-gap.times, gap.questions[0].question))


def _asked(entries: Sequence[Noted]) -> Asked:
    return Asked(entries[-1].question, len(entries), entries[-1].at)


def _still_open(entries: Sequence[Noted], answerer: Answerer) -> bool:
    if any(entry.outcome is Outcome.DID_NOT_HELP for entry in entries):
        return True
    return not answerer.ask(entries[-1].question, 1).answerable


def _grouped(asked: Sequence[Asked], searcher: SearcherProtocol) -> list[list[Asked]]:
    if len(asked) < 2:
        return [[one] for one in asked]
    vectors = np.stack([searcher.read(one.question).vector for one in asked])
    clustering = AgglomerativeClustering(n_clusters=None, distance_threshold=SAME_MEANING, metric="cosine", linkage="average")
    groups: dict[int, list[Asked]] = {}
    for label, one in zip(clustering.fit_predict(vectors), asked, strict=True):
        groups.setdefault(int(label), []).append(one)
    return list(groups.values())
