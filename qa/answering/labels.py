"""The words that every interface puts with an answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qa.answering.confidence import LIKELY_CONFIDENCE

LIKELY = "Likely the answer"
CLOSEST = "Closest found"
CHOSEN = "Chosen by the editor"
SAYS_NOTHING_ABOUT = "These documents say nothing about {names}."
ALTERNATIVES = "{others} or {last}"


def label(confidence: float) -> str:
    """The label of a quote by its confidence."""
    return LIKELY if confidence >= LIKELY_CONFIDENCE else CLOSEST


def missing_sentence(missing: Sequence[str], translate: Callable[[str], str] = str) -> str:
    """A sentence that names what the documents do not mention, "" if nothing is missing. `translate`: into the reader's language."""
    if not missing:
        return ""
    *others, last = missing
    names = translate(ALTERNATIVES).format(others=", ".join(others), last=last) if others else last
    return translate(SAYS_NOTHING_ABOUT).format(names=names)
