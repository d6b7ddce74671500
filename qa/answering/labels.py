"""The words that every interface puts with an answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from qa.answering.confidence import LIKELY_CONFIDENCE

LIKELY = "Likely the answer"
CLOSEST = "Closest found"
SAYS_NOTHING_ABOUT = "These documents say nothing about"


def label(confidence: float) -> str:
    """The label of a quote by its confidence."""
    return LIKELY if confidence >= LIKELY_CONFIDENCE else CLOSEST


def missing_sentence(missing: Sequence[str]) -> str:
    """A sentence that names what the documents do not mention, "" if nothing is missing."""
    if not missing:
        return ""
    *others, last = missing
    names = f"{', '.join(others)} or {last}" if others else last
    return f"{SAYS_NOTHING_ABOUT} {names}."
