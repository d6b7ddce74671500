"""Verifies that a quote is still in its document. Pure."""

from __future__ import annotations

from enum import StrEnum

from corpus.types import Span


class Verdict(StrEnum):
    VERBATIM = "verbatim"  # at the given place
    MOVED = "moved"  # at another place
    CHANGED = "changed"  # not in the document
    GONE = "gone"  # the document does not exist


def verify(text: str | None, quote: str, start: int, end: int) -> tuple[Verdict, Span | None]:
    """The verdict on `text[start:end] == quote`, and the quote's span now: of several the one nearest to `start`.

    `text`: the document's current text, None if it does not exist.
    """
    if text is None:
        return Verdict.GONE, None
    if text[start:end] == quote:
        return Verdict.VERBATIM, (start, end)
    before = text.rfind(quote, 0, start + len(quote))
    after = text.find(quote, start)
    places = [place for place in (before, after) if place >= 0]
    if not places:
        return Verdict.CHANGED, None
    nearest = min(places, key=lambda place: abs(place - start))
    return Verdict.MOVED, (nearest, nearest + len(quote))
