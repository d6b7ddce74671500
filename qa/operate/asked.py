"""What was asked: the kept questions counted, for `qa gaps` and the manager's health page. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qa.operate.question_log import ASKED, KeptQuestion, Outcome, question_key


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question without a good answer, in its newest spelling, and how often it was asked: without an answer, with an uncertain one, and
    with one that a reader found unhelpful. `last`: ISO 8601.
    """

    question: str
    last: str
    unanswered: int = 0
    uncertain: int = 0
    unhelpful: int = 0

    @property
    def times(self) -> int:
        return self.unanswered + self.uncertain + self.unhelpful


@dataclass(slots=True)
class Asked:
    """The kept questions in their order, counted by what they have in common (`question_key`).

    `quoted`: the ids of the documents in answers. `asked`: the number of questions, without feedback. `feedback`: by outcome.
    """

    asked: int = 0
    quoted: set[str] = field(default_factory=set)
    feedback: Counter[Outcome] = field(default_factory=Counter)
    _times: Counter[str] = field(default_factory=Counter)
    _words: dict[str, str] = field(default_factory=dict)
    _open: dict[str, list[KeptQuestion]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[KeptQuestion]) -> Asked:
        counted = cls()
        for entry in entries:
            counted._add(entry)
        return counted

    def most_asked(self, most: int) -> list[tuple[str, int]]:
        """Questions with their number of times, the most frequent first."""
        return [(self._words[key], times) for key, times in self._times.most_common(most)]

    def gaps(self) -> list[OpenQuestion]:
        """The questions without a good answer since they last had one, the most frequent first."""
        found = [_open_question(entries) for entries in self._open.values()]
        return sorted(found, key=lambda one: (-one.times, one.question))

    def _add(self, entry: KeptQuestion) -> None:
        key = question_key(entry.question)
        if entry.outcome in ASKED:
            self.asked += 1
            self._times[key] += 1
            self._words[key] = entry.question
            self.quoted.update(entry.documents)
        else:
            self.feedback[entry.outcome] += 1
        if entry.outcome is Outcome.HELPED:
            self._open.pop(key, None)
        elif entry.outcome is not Outcome.ANSWERED:
            self._open.setdefault(key, []).append(entry)
        elif left := [one for one in self._open.pop(key, ()) if one.outcome is Outcome.DID_NOT_HELP]:
            self._open[key] = left


def _open_question(entries: Sequence[KeptQuestion]) -> OpenQuestion:
    times = Counter(entry.outcome for entry in entries)
    last = entries[-1]
    return OpenQuestion(
        last.question, last.at, times[Outcome.UNANSWERED], times[Outcome.UNCERTAIN], times[Outcome.DID_NOT_HELP]
    )
