"""Names and numbers in a question. Pure."""

from __future__ import annotations

import re

from index.text.analysis import STOP_WORDS, words

_NAME_OR_NUMBER = re.compile(r"\b(?:[A-Z][\w’'-]*|\w*\d[\w.,:%-]*)")


def names_and_numbers(question: str) -> list[str]:
    """Its capitalised words and numbers in lower case. The first letter is ignored, because every question has a capital there."""
    rest = question[:1].lower() + question[1:]
    return [word for match in _NAME_OR_NUMBER.finditer(rest) for word in words(match[0]) if word not in STOP_WORDS]
