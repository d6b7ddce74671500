"""Names, numbers, years and designations in a question. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from index.text.analysis import ENGLISH, stop_words, words

_NAME_OR_NUMBER = re.compile(r"\b(?:[A-Z][\w’'-]*|\w*\d[\w.,:%-]*)")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NUMBERED = (
    "annex|appendix|article|band|box|category|chapter|class|clause|code|form|grade|group|key stage|level|line|model|number|paragraph|part"
    "|phase|reference|regulation|route|rule|schedule|section|stage|step|table|tier|type|unit|zone"
)
LONG_NUMBER = 4  # characters
_DESIGNATION = re.compile(
    rf"\b(?:({_NUMBERED})s? (\d{{1,12}}[a-z]?|[a-z]\b)(?![,.:%]?\d)|([a-z]{{1,4}})(\d{{1,5}}[a-z]?))\b", re.IGNORECASE
)


def names_and_numbers(question: str) -> list[str]:
    """Its capitalised words and numbers in lower case. The first letter is ignored, because every question has a capital there."""
    rest = question[:1].lower() + question[1:]
    stop = stop_words(ENGLISH)
    return [word for match in _NAME_OR_NUMBER.finditer(rest) for word in words(match[0]) if word not in stop]


def share_missing(names: Sequence[str], found: Collection[str]) -> float:
    """The share of the names that are not among `found`, 0 without names."""
    return sum(name not in found for name in names) / len(names) if names else 0.0


def years(question: str) -> list[str]:
    """Its years, as they are written: "2025"."""
    return _YEAR.findall(question)


def designations(question: str) -> list[re.Pattern[str]]:
    """For each thing that the question names by a word and a number ("Tier 5", "form P45", "part 24648"), what finds it in a text.

    A long number is found without its word, as in a row below "Part".
    """
    found = []
    for word, number, letters, digits in _DESIGNATION.findall(question):
        if number == "a":  # an article
            continue
        if len(number) >= LONG_NUMBER:
            found.append(re.compile(rf"(?<!\w){re.escape(number)}(?!\w)", re.IGNORECASE))
            continue
        found.append(re.compile(rf"\b{re.escape(word or letters)}s?[ -]?{re.escape(number or digits)}\b", re.IGNORECASE))
    return found
