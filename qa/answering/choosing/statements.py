"""What a text states, whatever the question is: computed once and cached. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from qa.answering.choosing.expectation import Expected, has
from qa.answering.choosing.words import CACHED_TEXTS, opens_with_pronoun

_NEGATION = re.compile(r"\b(?:not|no|never|cannot|nor|without|unless|\w+n['’]t)\b", re.IGNORECASE)
_STEP = re.compile(r"^[ \t]*(?:\(?\d{1,3}[.)]|step \d)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """`words`: as they are written and bare. `different`: the bare ones. `asks`: it is a question itself. `has_steps`: it has numbered
    lines.
    """

    words: Sequence[tuple[str, str]]
    different: frozenset[str]
    negates: bool
    asks: bool
    has_steps: bool
    opens_with_pronoun: bool


def negates(text: str) -> bool:
    """Whether it has a word such as "not". For questions, which `statement` would keep for no use."""
    return _NEGATION.search(text) is not None


@lru_cache(maxsize=CACHED_TEXTS)
def statement(text: str) -> Statement:
    words = [(word, bare(word)) for word in text.split()]
    return Statement(
        words,
        frozenset(bare for _, bare in words),
        negates(text),
        text.rstrip().endswith("?"),
        _STEP.search(text) is not None,
        opens_with_pronoun(text),
    )


@lru_cache(maxsize=2 * CACHED_TEXTS)
def states(kind: Expected, text: str) -> bool:
    """`has`, cached. Few questions expect more than one kind."""
    return has(kind, text)


def bare(word: str) -> str:
    """In lower case without the punctuation around it."""
    return word.strip(".,;:()'\"").lower()
