"""The rules of an editor, and which of them are for a question. Pure.

A question is compared by its words, as the lexical index reads them: without case, accents and punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.text.analysis import stems, words
from index.types import StoredPassage


@dataclass(frozen=True, slots=True)
class Place:
    """A document, or those of its passages that hold `text`; white space is compared as one space."""

    document: str
    text: str = ""

    def holds(self, stored: StoredPassage) -> bool:
        return stored.document.id == self.document and _spaced(self.text) in _spaced(stored.passage.text)


@dataclass(frozen=True, slots=True)
class Rule:
    """For one of `questions` (their words in order), or a question with all the stems `words`; with neither for every question.

    `collection`: only where this collection is asked. `stop_answer`: shown where nothing answers. `line`: of the file, None if unknown.
    """

    questions: frozenset[tuple[str, ...]]
    words: frozenset[str]
    collection: str | None = None
    pin: tuple[Place, ...] = ()
    hide: tuple[Place, ...] = ()
    stop_answer: str | None = None
    line: int | None = None

    def is_for(self, question: Sequence[str]) -> bool:
        """`question`: its words."""
        if not self.questions and not self.words:
            return True
        return tuple(question) in self.questions or (bool(self.words) and self.words.issubset(stems(list(question))))


@dataclass(frozen=True, slots=True, eq=False)
class Curation:
    """All rules, in the order of the file. Two are equal only if they are the same object, which is replaced when the file changes."""

    rules: tuple[Rule, ...] = ()

    def rules_for(self, questions: Sequence[str], collection: str | None) -> list[Rule]:
        """The rules for any of these wordings of a question. `collection`: the one that is asked."""
        asked = [words(question) for question in questions]
        return [
            rule for rule in self.rules if rule.collection in (None, collection) and any(rule.is_for(each) for each in asked)
        ]

    def names(self, collection: str) -> bool:
        """Whether anything here is for this collection alone."""
        return any(rule.collection == collection for rule in self.rules)

    def places(self) -> Iterator[tuple[Rule, Place]]:
        """Every place that is pinned or hidden, with its rule."""
        return ((rule, place) for rule in self.rules for place in (*rule.pin, *rule.hide))


NO_CURATION = Curation()


def _spaced(text: str) -> str:
    return " ".join(text.split())
