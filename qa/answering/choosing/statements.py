"""What a text states, whatever the question is: computed once and cached. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from qa.answering.choosing.expectation import Expected, has
from qa.answering.choosing.words import CACHED_TEXTS, opens_with_pronoun

_NEGATION = re.compile(r"\b(?:not|no|never|cannot|nor|without|unless|\w+n['’]t)\b", re.IGNORECASE)
_STEP = re.compile(r"^[ \t]*(?:\(?\d{1,3}[.)]|step \d)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """`has`: what could be expected of it and it has. `words`: bare, in lower case. `asks`: it is a question itself. `has_steps`: it
    has numbered lines.
    """

    text: str
    has: frozenset[Expected]
    words: frozenset[str]
    negates: bool
    asks: bool
    has_steps: bool
    opens_with_pronoun: bool


@lru_cache(maxsize=CACHED_TEXTS)
def statement(text: str) -> Statement:
    return Statement(
        text,
        frozenset(kind for kind in Expected if has(kind, text)),
        frozenset(map(bare, text.split())),
        _NEGATION.search(text) is not None,
        text.rstrip().endswith("?"),
        _STEP.search(text) is not None,
        opens_with_pronoun(text),
    )


def bare(word: str) -> str:
    """In lower case without the punctuation around it."""
    return word.strip(".,;:()'\"").lower()
