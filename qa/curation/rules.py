"""The rules and synonyms of an editor, and which of them are for a question. Pure.

A question is compared by its words, as the lexical index reads them: without case, accents and punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from index.text.analysis import stems, words
from index.types import StoredDocument, StoredPassage

MAX_SYNONYMS = 20  # of one question


@dataclass(frozen=True, slots=True)
class Place:
    """A document, or those of its passages that hold `text`; white space is compared as one space.

    `collection`: of the rule; the document of another one is no such place. None: of a rule for all collections.
    """

    document: str
    text: str = ""
    collection: str | None = None

    def is_in(self, document: StoredDocument) -> bool:
        return document.id == self.document and self.collection in (None, document.collection)

    def holds(self, stored: StoredPassage) -> bool:
        return self.is_in(stored.document) and _spaced(self.text) in _spaced(stored.passage.text)


@dataclass(frozen=True, slots=True)
class Rule:
    """For one of `questions` (their words in order), or a question with all the stems `words`; with neither for every question.

    `collection`: what is pinned and hidden is in it, and only where it alone is asked there is a `stop_answer`, which is shown where
    nothing answers. `line`: of the file, None if unknown.
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
    """Where a question has `phrase`, in any form, passages with one of `others` are found too. `collection`: where it alone is asked."""

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
    _asked_alone: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        by_first: dict[str, list[tuple[tuple[str, ...], Synonyms]]] = {}
        for each in self.synonyms:
            by_first.setdefault(each.stems[0], []).append((each.stems, each))
        object.__setattr__(self, "_by_first_stem", by_first)
        alone = {rule.collection for rule in self.rules if rule.stop_answer} | {each.collection for each in self.synonyms}
        object.__setattr__(self, "_asked_alone", frozenset(name for name in alone if name))

    def rules_for(self, questions: Sequence[str], collection: str | None) -> list[Rule]:
        """The rules for any of these wordings of a question. `collection`: the one that alone is asked; others have no stop answer."""
        asked = [(tuple(found), frozenset(stems(found))) for found in map(words, questions)]
        return [
            rule if rule.collection in (None, collection) else replace(rule, stop_answer=None)
            for rule in self.rules
            if any(rule.is_for(*each) for each in asked)
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

    def depends_on(self, collection: str | None) -> bool:
        """Whether anything holds only where this collection alone is asked, or for None any collection."""
        return bool(self._asked_alone) if collection is None else collection in self._asked_alone

    def places(self) -> Iterator[tuple[Rule, Place]]:
        """Every place that is pinned or hidden, with its rule."""
        return ((rule, place) for rule in self.rules for place in (*rule.pin, *rule.hide))


NO_CURATION = Curation()


def _spaced(text: str) -> str:
    return " ".join(text.split())
