"""JSON of the versions of a document, and of verified quotes: each type with the function that fills it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from corpus.types import Document, Span
from index.engine import EngineView
from index.types import DocumentVersion
from qa.answering.verification import verify_quote
from qa.web.schemas.documents import Offset, Version
from qa.web.schemas.requests import VerifyRequest


class ListedVersion(TypedDict):
    """A text that the document has or had. `title`, `date`: as they were with this text."""

    version: Version
    title: str
    date: str | None
    since: Annotated[str | None, Field(description="When it was stored; null if unknown.")]
    until: Annotated[str | None, Field(description="When it was replaced; null for the present text.")]
    by: Annotated[str | None, Field(description="Who stored it; null if unknown, and for callers without the role write.")]


class VersionList(TypedDict):
    data: Annotated[list[ListedVersion], Field(description="The newest first.")]


class VersionText(ListedVersion):
    text: str


class EarlierQuote(TypedDict):
    """`start`, `end`: the place of the quote in this version."""

    version: Version
    since: str | None
    until: str | None
    start: Offset
    end: Offset


class Verification(TypedDict):
    """`start`, `end`: where the quote is now, null if it is gone."""

    status: Literal["verbatim", "moved", "superseded", "changed", "gone"]
    start: Offset | None
    end: Offset | None
    version: str | None
    version_is_current: bool
    earlier: Annotated[EarlierQuote | None, Field(description="If it is superseded, the earlier version that has the quote.")]


def listed_version_json(version: DocumentVersion, *, name_authors: bool) -> ListedVersion:
    return {
        "version": version.stored.version,
        "title": version.stored.title,
        "date": version.stored.date,
        "since": version.since or None,
        "until": version.until,
        "by": version.by if name_authors else None,
    }


def version_list_json(versions: Sequence[DocumentVersion], *, name_authors: bool) -> VersionList:
    return {"data": [listed_version_json(version, name_authors=name_authors) for version in versions]}


def version_text_json(version: DocumentVersion, content: Document, *, name_authors: bool) -> VersionText:
    return {**listed_version_json(version, name_authors=name_authors), "text": content.text}


def verification_json(engine: EngineView, body: VerifyRequest) -> Verification:
    found = verify_quote(engine, body.document_id, body.quote, (body.start, body.end), body.version)
    content, place = found.content, found.place
    return {
        "status": found.verdict.value,
        "start": place[0] if place else None,
        "end": place[1] if place else None,
        "version": content.version if content else None,
        "version_is_current": content is not None and body.version in (None, content.version),
        "earlier": _earlier_quote_json(*found.earlier) if found.earlier else None,
    }


def _earlier_quote_json(version: DocumentVersion, place: Span) -> EarlierQuote:
    return {
        "version": version.stored.version,
        "since": version.since or None,
        "until": version.until,
        "start": place[0],
        "end": place[1],
    }
