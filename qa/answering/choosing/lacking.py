"""Whether a unit has no amount, number, time or contact although the question asks for one. Pure; for English."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import takewhile

import numpy as np

from index.text.analysis import ENGLISH, stems, stop_words
from qa.answering.choosing.contained import Column
from qa.answering.choosing.expectation import CONTACT, NUMBER_WORDS, Expected
from qa.answering.choosing.statements import states
from qa.answering.choosing.words import AnalysedText
from qa.answering.units.unit import Unit

BESIDE = 4  # a number counts a thing if it is one of the four words before it

_KINDS = {
    "lacks an amount": {Expected.AMOUNT},
    "lacks a number": {Expected.NUMBER},
    "lacks a time": {Expected.DATE, Expected.DURATION},
    "lacks a frequency": {Expected.FREQUENCY},
    "lacks a contact": set(CONTACT),
}
_HOW_MANY = re.compile(r"\bhow many ((?:[\w’'-]+ ){0,3}[\w’'-]+)", re.IGNORECASE)
_STOP_WORDS = stop_words(ENGLISH)
# Those who are counted as people are called staff, guests or voters, and "twice" is how many times.
_CALLED_OTHERWISE = {"people", "persons", "individuals", "folk", "times"}
_NUMBERS = frozenset(stems(NUMBER_WORDS, ENGLISH))


def lacking(figures: Collection[Expected], units: Sequence[Unit]) -> dict[str, Column]:
    """One column for each of `_KINDS`: true where the question asks for that kind and the unit has no figure that it asks for.

    `figures`: the kinds of HARD that the question asks for.
    """
    none = np.zeros(len(units), bool)
    if figures:
        none = np.array([not any(states(kind, unit.text) or states(kind, unit.lead_in) for kind in figures) for unit in units])
    return {name: none * (not kinds.isdisjoint(figures)) for name, kinds in _KINDS.items()}


def counted(question: str) -> frozenset[str]:
    """The stems of the words after "how many": that of "jobs" in "how many jobs were there"."""
    found: list[str] = []
    for words in _HOW_MANY.findall(question):
        things = list(takewhile(lambda word: word not in _STOP_WORDS, words.lower().split()))
        if _CALLED_OTHERWISE.isdisjoint(things):
            found += things
    return frozenset(stems(found, ENGLISH))


def counts(things: Collection[str], text: AnalysedText) -> bool:
    """Whether a number stands before one of the things."""
    return any(
        word in things and any(one[0].isdigit() or one in _NUMBERS for one in text.in_order[max(0, place - BESIDE) : place])
        for place, word in enumerate(text.in_order)
    )
