"""Judges a quote against the words that answer a question: right, part or wrong. Pure.

Right: the quote holds an answer and shares at least half of the words of the shorter of quote and evidence. Part: it holds an answer but
is from elsewhere, or has 60% of the evidence's words without an answer. Wrong: neither. An answer of several lines is a list, which is
held if 60% of its items are.

Only the text of the quote counts: a lead-in or column heads that are shown beside a list item or table row are not part of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

SHARED_WORDS = 0.5  # of the shorter of quote and evidence, for a right quote
ITEMS_HELD = 0.6  # of a list
EVIDENCE_HELD = 0.6  # of the evidence's words, for a part

_QUOTATION_MARKS = dict.fromkeys(map(ord, "‘’‚‛′`´"), "'") | dict.fromkeys(map(ord, "“”„‟″«»"), '"')
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_PLAIN = str.maketrans(_QUOTATION_MARKS | _DASHES)
_MARKUP = re.compile(r"\*\*|[|\\]")
_ITEM_MARKER = re.compile(r"^(?:[-*•·]|\d{1,2}[.)])\s+")


class Match(StrEnum):
    RIGHT = "right"
    PART = "part"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Reference:
    """Words of a document that answer a question. `evidence`: whole sentences, a list with its lead-in, or a table row. `answers`: the
    shortest words in it that are enough, each alone; the lines of a list are its items.
    """

    evidence: str
    answers: Sequence[str]


def match(quote: str | None, references: Iterable[Reference]) -> Match:
    """The best match of a quote with one of the references. No quote is WRONG."""
    if not quote:
        return Match.WRONG
    found = {_match(normalise(quote), reference) for reference in references}
    return next((one for one in Match if one in found), Match.WRONG)


def normalise(text: str) -> str:
    """NFKC with plain quotation marks and dashes, without `|`, `**` and backslashes, in lower case, without a final full stop."""
    plain = unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)
    return " ".join(_MARKUP.sub("", plain).casefold().split()).removesuffix(".")


def _match(quote: str, reference: Reference) -> Match:
    evidence = normalise(reference.evidence)
    shared, own, wanted = _shared_words(quote, evidence)
    holds_answer = any(_holds(quote, answer) for answer in reference.answers)
    if holds_answer and shared >= SHARED_WORDS * min(own, wanted):
        return Match.RIGHT
    return Match.PART if holds_answer or shared >= EVIDENCE_HELD * wanted else Match.WRONG


def _holds(quote: str, answer: str) -> bool:
    """Whether the quote holds an answer: all of it, or enough of its items. `quote` is normalised."""
    items = [item for line in answer.splitlines() if (item := normalise(_ITEM_MARKER.sub("", line.strip())))]
    held = sum(item in quote for item in items)
    return bool(items) and held >= ITEMS_HELD * len(items)


def _shared_words(one: str, other: str) -> tuple[int, int, int]:
    """The number of words that two texts share, and of the words of each; a word that is repeated counts as often as in both."""
    words, others = Counter(re.findall(r"\w+", one)), Counter(re.findall(r"\w+", other))
    return (words & others).total(), words.total(), others.total()
