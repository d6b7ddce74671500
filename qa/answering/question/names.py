"""Names and numbers in a question. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from index.text.analysis import STOP_WORDS, words

_NAME_OR_NUMBER = re.compile(r"\b(?:[A-Z][\w’'-]*|\w*\d[\w.,:%-]*)")


def names_and_numbers(question: str) -> list[str]:
    """Its capitalised words and numbers in lower case. The first letter is ignored, because every question has a capital there."""
    rest = question[:1].lower() + question[1:]
    return [word for match in _NAME_OR_NUMBER.finditer(rest) for word in words(match[0]) if word not in STOP_WORDS]


def share_missing(names: Sequence[str], found: Collection[str]) -> float:
    """The share of the names that are not among `found`, 0 without names."""
    return sum(name not in found for name in names) / len(names) if names else 0.0
