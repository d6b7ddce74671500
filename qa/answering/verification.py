"""Verifies that a quote is still in its document, or was in an earlier version of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from corpus.types import Document, Span
from index.engine import EngineView
from index.types import DamagedRow, DocumentVersion

MAX_SEARCHED = 20  # earlier texts that are searched for a quote, the newest, besides the one that is named


class Verdict(StrEnum):
    VERBATIM = "verbatim"  # at the given place
    MOVED = "moved"  # at another place
    SUPERSEDED = "superseded"  # in an earlier version of the document
    CHANGED = "changed"  # in no version that is kept
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


@dataclass(frozen=True, slots=True)
class Verified:
    """`content`: the document now, None if it does not exist. `place`: of the quote in it. `earlier`: the version that has the quote, with
    its place there, if the verdict is SUPERSEDED."""

    verdict: Verdict
    content: Document | None
    place: Span | None
    earlier: tuple[DocumentVersion, Span] | None = None


def verify_quote(engine: EngineView, document_id: str, quote: str, place: Span, version: str | None) -> Verified:
    """`version`: of the text that has the quote at `place`, None if unknown.

    A quote that has only moved is superseded if it names the earlier version that has it.
    """
    content = engine.content(document_id)
    verdict, now = verify(content.text if content else None, quote, *place)
    if verdict in (Verdict.MOVED, Verdict.CHANGED):
        for earlier, text in _earlier_texts(engine, document_id, version):
            if earlier.stored.version == version and text[slice(*place)] == quote:
                return Verified(Verdict.SUPERSEDED, content, now, (earlier, place))
            then = verify(text, quote, *place)[1]
            if verdict is Verdict.CHANGED and then:
                return Verified(Verdict.SUPERSEDED, content, None, (earlier, then))
    return Verified(verdict, content, now)


def _earlier_texts(engine: EngineView, document_id: str, first: str | None) -> Iterator[tuple[DocumentVersion, str]]:
    """Those that are intact, the version `first` before the others, which are the newest first."""
    earlier = engine.versions(document_id)[1:]
    named = [each for each in earlier if each.stored.version == first]
    for version in [*named[:1], *(each for each in earlier[:MAX_SEARCHED] if each not in named)]:
        with suppress(DamagedRow):
            if content := engine.version_content(document_id, version.stored.version):
                yield version, content.text
