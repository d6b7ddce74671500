"""The rules and synonyms of an editor, and which of them are for a question. Pure.

A question is compared by its words, as the lexical index reads them: without case, accents and punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from index.text.analysis import stems, words
from index.types import StoredPassage

MAX_SYNONYMS = 20  # of one question


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

    def is_for(self, question: tuple[str, ...], found: frozenset[str]) -> bool:
        """`question`: its words; `found`: their stems."""
        if not self.questions and not self.words:
            return True
        return question in self.questions or (bool(self.words) and self.words <= found)


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Where a question has `phrase`, in any form, passages with one of `others` are found too. `collection`: as of a rule."""

    phrase: str
    others: tuple[str, ...]
    collection: str | None = None

    @property
    def stems(self) -> tuple[str, ...]:
        return tuple(stems(words(self.phrase)))


@dataclass(frozen=True, slots=True, eq=False)
class Curation:
    """All rules, in the order of the file. Two are equal only if they are the same object, which is replaced when the file changes.

    `recent_types`: types of documents of which the newer comes first where they are about as good.
    """

    rules: tuple[Rule, ...] = ()
    synonyms: tuple[Synonyms, ...] = ()
    recent_types: frozenset[str] = frozenset()
    _by_first_stem: Mapping[str, list[tuple[tuple[str, ...], Synonyms]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        by_first: dict[str, list[tuple[tuple[str, ...], Synonyms]]] = {}
        for each in self.synonyms:
            by_first.setdefault(each.stems[0], []).append((each.stems, each))
        object.__setattr__(self, "_by_first_stem", by_first)

    def rules_for(self, questions: Sequence[str], collection: str | None) -> list[Rule]:
        """The rules for any of these wordings of a question. `collection`: the one that is asked."""
        asked = [(tuple(found), frozenset(stems(found))) for found in map(words, questions)]
        return [
            rule for rule in self.rules if rule.collection in (None, collection) and any(rule.is_for(*each) for each in asked)
        ]

    def synonyms_for(self, question: str, collection: str | None) -> tuple[tuple[str, str], ...]:
        """Phrases of a question, each with a synonym: the first MAX_SYNONYMS."""
        if not self.synonyms:
            return ()
        found = stems(words(question))
        pairs = [
            (synonyms.phrase, other)
            for place, stem in enumerate(found)
            for phrase, synonyms in self._by_first_stem.get(stem, ())
            if synonyms.collection in (None, collection) and tuple(found[place : place + len(phrase)]) == phrase
            for other in synonyms.others
        ]
        return tuple(dict.fromkeys(pairs))[:MAX_SYNONYMS]

    def names(self, collection: str) -> bool:
        """Whether anything here is for this collection alone."""
        return collection in {each.collection for each in self.rules} | {each.collection for each in self.synonyms}

    def places(self) -> Iterator[tuple[Rule, Place]]:
        """Every place that is pinned or hidden, with its rule."""
        return ((rule, place) for rule in self.rules for place in (*rule.pin, *rule.hide))


NO_CURATION = Curation()


def _spaced(text: str) -> str:
    return " ".join(text.split())
