"""Is a quote still where it was taken from? Pure."""

from __future__ import annotations

from enum import StrEnum

from corpus.types import Span


class Verdict(StrEnum):
    VERBATIM = "verbatim"  # exactly there
    MOVED = "moved"  # exactly so, at another place
    CHANGED = "changed"  # the document is there, these words are not in it
    GONE = "gone"  # there is no such document


def verify(text: str | None, quote: str, start: int, end: int) -> tuple[Verdict, Span | None]:
    """The verdict on `text[start:end] == quote` and where the quote stands now (of several places the nearest to `start`).

    `text` is the document's present text; None where there is no such document.
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
